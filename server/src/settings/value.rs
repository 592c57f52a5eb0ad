//! Values of settings: times, sizes, flags, lists and ports, as Elasticsearch writes them.
//!
//! Owns the parsing of one value and the words for what is wrong with it. Must not know which
//! settings exist.

use std::time::Duration;

/// A length of time, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimeValue {
    /// Written `-1`: no limit, or switched off; the setting says which.
    Never,
    /// A length, possibly zero.
    Span(Duration),
}

/// Ports to try in order: one port, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The first port tried; zero lets the system choose.
    pub first: u16,
    /// The last port tried.
    pub last: u16,
}

/// Reads `20m`, `90s`, `500ms`, `1d`, `0` or `-1`.
pub(super) fn time(text: &str) -> Result<TimeValue, String> {
    let text = text.trim();
    match text {
        "-1" => return Ok(TimeValue::Never),
        "0" => return Ok(TimeValue::Span(Duration::ZERO)),
        _ => {}
    }
    let (number, unit) = split_unit(text);
    let nanos_per_unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "nanos" => 1,
        "micros" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_S,
        // An upper-case M would be a month elsewhere: only the lower-case letter is a minute.
        "m" if unit == "m" => 60 * NANOS_PER_S,
        "h" => 3_600 * NANOS_PER_S,
        "d" => 86_400 * NANOS_PER_S,
        _ => {
            return Err("expected a number with a unit: nanos, micros, ms, s, m, h or d, for \
                        example [20m]"
                .to_owned());
        }
    };
    whole(number)
        .and_then(|count| count.checked_mul(nanos_per_unit))
        .map(|nanos| TimeValue::Span(Duration::from_nanos(nanos)))
        .ok_or_else(|| "expected a whole number that fits before its unit".to_owned())
}

/// Reads `100mb`, `64kb`, `1g` or a plain `512b`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(0);
    }
    let (number, unit) = split_unit(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => {
            return Err(
                "expected a number with a unit: b, kb, mb, gb, tb or pb, for example [100mb]"
                    .to_owned(),
            );
        }
    };
    whole(number)
        .and_then(|count| count.checked_mul(1_u64 << shift))
        .ok_or_else(|| "expected a whole number that fits before its unit".to_owned())
}

/// Reads `true` or `false`, and nothing else that YAML ever took for one.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("expected [true] or [false]".to_owned()),
    }
}

/// Reads a whole number with an optional sign.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "expected a whole number".to_owned())
}

/// Reads `9200` or `9200-9300`.
pub(super) fn ports(text: &str) -> Result<Ports, String> {
    let wrong = || "expected a port, or a range of ports such as [9200-9300]".to_owned();
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
    let range = match text.split_once('-') {
        None => {
            let port = port(text)?;
            Ports { first: port, last: port }
        }
        Some((first, last)) => Ports { first: port(first)?, last: port(last)? },
    };
    if range.first > range.last || (range.first == 0 && range.last != 0) {
        return Err(wrong());
    }
    Ok(range)
}

/// Splits a list written in one line, `a, b`; an empty text is an empty list.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    (number, unit.trim_start())
}

fn whole(number: &str) -> Option<u64> {
    number.parse().ok()
}

const NANOS_PER_S: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ports, TimeValue, flag, integer, list, ports, size, time};

    #[test]
    fn times_are_read_with_their_units() {
        for (text, ms) in [
            ("20m", 1_200_000),
            ("90s", 90_000),
            ("1h", 3_600_000),
            ("500ms", 500),
            ("1d", 86_400_000),
            ("0", 0),
            ("0s", 0),
            ("2H", 7_200_000),
            ("3 s", 3_000),
        ] {
            assert_eq!(time(text), Ok(TimeValue::Span(Duration::from_millis(ms))), "{text}");
        }
        assert_eq!(time("-1"), Ok(TimeValue::Never));
        for text in ["", "20", "m", "1.5h", "-2s", "20M", "1y", "99999999999999d", "٣s", "1s1"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in
            [("100mb", 100 << 20), ("1g", 1 << 30), ("512b", 512), ("64KB", 64 << 10), ("0", 0)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "100", "mb", "-1b", "1.5gb", "99999999999pb", "100mib"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_integers_ports_and_lists_are_strict() {
        assert_eq!(flag("true"), Ok(true));
        assert!(flag("yes").is_err() && flag("True").is_err() && flag("").is_err());
        assert_eq!(integer("-3"), Ok(-3));
        assert!(integer("3.0").is_err());
        assert_eq!(ports("9200-9300"), Ok(Ports { first: 9200, last: 9300 }));
        assert_eq!(ports("0"), Ok(Ports { first: 0, last: 0 }));
        assert!(ports("9300-9200").is_err() && ports("70000").is_err() && ports("0-9").is_err());
        assert_eq!(list(" a , b,,"), ["a", "b"]);
        assert!(list("").is_empty());
    }
}
