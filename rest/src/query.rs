//! The query string: decoding, the parameters that every route knows, and the refusal of others.
//!
//! Owns the grammar and the messages. Must not know what a route does with its own parameters.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jeton_domain::limits::QUERY_PARAMETERS_MAX;

use crate::error::ApiError;
use crate::fault::Trace;
use crate::filter::Filter;
use crate::json::write::{JsonWriter, Layout};
use crate::suggest::did_you_mean;

/// The decoded parameters of one request.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of the request target behind the question mark.
    pub fn parse(raw: Option<&str>) -> Result<Self, ApiError> {
        let mut parameters = Vec::new();
        for pair in raw.unwrap_or_default().split(['&', ';']).filter(|pair| !pair.is_empty()) {
            if parameters.len() >= QUERY_PARAMETERS_MAX {
                let reason = format!("more than {QUERY_PARAMETERS_MAX} parameters");
                return Err(ApiError::illegal_argument(reason));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode_parameter(name)?, decode_parameter(value)?));
        }
        Ok(Self(parameters))
    }

    /// The value of the parameter `name`; of a repeated one the last.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The flag `name`: without a value it is set, absent it is not.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.value(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(ApiError::illegal_argument(format!(
                "Failed to parse value [{other}] as only [true] or [false] are allowed."
            ))),
        }
    }

    /// The span of time `name`, such as `30s`; negative or absent, there is none.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.value(name) else { return Ok(None) };
        if text == "-1" {
            return Ok(None);
        }
        parse_time(text).map(Some).ok_or_else(|| {
            ApiError::illegal_argument(format!(
                "failed to parse setting [{name}] with value [{text}] as a time value: unit is \
                 missing or unrecognized"
            ))
        })
    }

    /// How the answer is to be printed.
    pub fn view(&self) -> Result<View, ApiError> {
        let layout = if self.flag("pretty")? { Layout::Pretty } else { Layout::Compact };
        let trace = if self.flag("error_trace")? { Trace::Shown } else { Trace::Hidden };
        self.flag("human")?;
        Ok(View { layout, trace, filter: self.value("filter_path").and_then(Filter::parse) })
    }

    /// The parameter `refresh`, which has no effect: every write is visible at once.
    pub fn check_refresh(&self) -> Result<(), ApiError> {
        match self.value("refresh") {
            None | Some("" | "true" | "false" | "wait_for") => Ok(()),
            Some(other) => {
                let reason = format!("Unknown value for refresh: [{other}].");
                Err(ApiError::illegal_argument(reason))
            }
        }
    }

    /// Refuses every parameter that neither every route nor this one (`known`) has.
    pub fn refuse_others(&self, path: &str, known: &[&str]) -> Result<(), ApiError> {
        let is_known = |name: &str| COMMON.contains(&name) || known.contains(&name);
        let others: BTreeSet<&str> =
            self.0.iter().map(|(name, _)| name.as_str()).filter(|name| !is_known(name)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let candidates: Vec<&str> = COMMON.iter().chain(known).copied().collect();
        let listed: Vec<String> = others
            .iter()
            .map(|name| match did_you_mean(name, &candidates) {
                hint if hint.is_empty() => format!("[{name}]"),
                hint => format!("[{name}] ->{hint}"),
            })
            .collect();
        let word = if listed.len() == 1 { "parameter" } else { "parameters" };
        let listed = listed.join(", ");
        let reason = format!("request [{path}] contains unrecognized {word}: {listed}");
        Err(ApiError::illegal_argument(reason))
    }
}

/// How an answer is printed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct View {
    /// Blanks or none.
    pub layout: Layout,
    /// Whether errors show a trace.
    pub trace: Trace,
    /// What is left of success bodies; everything if nothing.
    pub filter: Option<Filter>,
}

impl View {
    /// The success body that `write` writes, as this view shows it.
    pub(crate) fn print(&self, write: impl FnOnce(&mut JsonWriter)) -> Result<Vec<u8>, ApiError> {
        let Some(filter) = &self.filter else {
            let mut json = JsonWriter::new(self.layout);
            write(&mut json);
            return Ok(json.finish());
        };
        let mut whole = JsonWriter::new(Layout::Compact);
        write(&mut whole);
        let mut shown = JsonWriter::new(self.layout);
        filter.apply(&whole.finish(), &mut shown)?;
        Ok(shown.finish())
    }
}

/// Decodes one segment of a path.
pub(crate) fn decode_segment(raw: &str) -> Result<Cow<'_, str>, ApiError> {
    if raw.contains('%') { decode(raw.as_bytes(), raw).map(Cow::Owned) } else { Ok(raw.into()) }
}

fn decode_parameter(raw: &str) -> Result<String, ApiError> {
    let bytes: Vec<u8> = raw.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    decode(&bytes, raw)
}

fn decode(bytes: &[u8], raw: &str) -> Result<String, ApiError> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        if *byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
            let pair =
                digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            decoded.push(pair.ok_or_else(|| undecodable(raw))?);
        } else {
            decoded.push(*byte);
        }
    }
    String::from_utf8(decoded).map_err(|_| undecodable(raw))
}

/// A number and a unit, from `nanos` to `d`.
fn parse_time(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "nanos" => Some(Duration::from_nanos(number)),
        "micros" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(60 * 60).map(Duration::from_secs),
        "d" => number.checked_mul(24 * 60 * 60).map(Duration::from_secs),
        _ => None,
    }
}

fn undecodable(raw: &str) -> ApiError {
    ApiError::illegal_argument(format!("unable to decode [{raw}] as percent-encoded UTF-8"))
}

/// What every route accepts.
const COMMON: [&str; 5] = ["error_trace", "filter_path", "format", "human", "pretty"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::JsonWriter;

    fn query(raw: &str) -> Query {
        Query::parse(Some(raw)).unwrap()
    }

    fn reason(error: &ApiError) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        error.print(&mut json, Trace::Hidden);
        String::from_utf8(json.finish()).unwrap()
    }

    #[test]
    fn a_flag_without_a_value_is_set() {
        let query = query("pretty&human=false&error_trace=true");
        assert!(query.flag("pretty").unwrap());
        assert!(!query.flag("human").unwrap());
        assert!(query.flag("error_trace").unwrap());
        assert!(!query.flag("absent").unwrap());
    }

    #[test]
    fn a_flag_is_true_or_false() {
        let error = query("pretty=yes").view().unwrap_err();
        assert!(
            reason(&error)
                .contains("Failed to parse value [yes] as only [true] or [false] are allowed.")
        );
    }

    #[test]
    fn names_and_values_are_decoded() {
        let query = query("a%20b=c+d%2Be&%C3%A9=%c3%a9");
        assert_eq!(query.value("a b"), Some("c d+e"));
        assert_eq!(query.value("\u{e9}"), Some("\u{e9}"));
        assert!(reason(&Query::parse(Some("a=%zz")).unwrap_err()).contains("%zz"));
        for bad in ["a=%", "a=%4", "%g0=1", "a=%ff", "a=%+1"] {
            assert!(Query::parse(Some(bad)).is_err(), "{bad}");
        }
    }

    /// Case 122 of the wire, the message.
    #[test]
    fn an_unknown_parameter_is_named_with_the_path() {
        let error = query("foo=1").refuse_others("/_security/oauth2/token", &[]).unwrap_err();
        assert!(reason(&error).contains(
            "\"reason\":\"request [/_security/oauth2/token] contains unrecognized parameter: [foo]\""
        ));
    }

    /// Case 123 of the wire.
    #[test]
    fn a_similar_parameter_is_suggested() {
        let error = query("prety").refuse_others("/p", &[]).unwrap_err();
        assert!(reason(&error).contains("parameter: [prety] -> did you mean [pretty]?\""));
        let error =
            query("timeouts&zz&refres").refuse_others("/p", &["timeout", "refresh"]).unwrap_err();
        assert!(reason(&error).contains(
            "parameters: [refres] -> did you mean [refresh]?, [timeouts] -> did you mean [timeout]?, [zz]\""
        ));
    }

    #[test]
    fn known_parameters_pass() {
        let query = query("pretty&human&filter_path=a&format=json&error_trace&refresh=wait_for");
        assert!(query.refuse_others("/p", &["refresh"]).is_ok());
        assert!(query.check_refresh().is_ok());
        assert!(Query::parse(Some("refresh=soon")).unwrap().check_refresh().is_err());
    }

    #[test]
    fn parameters_without_end_are_refused() {
        assert!(Query::parse(Some(&"a&".repeat(QUERY_PARAMETERS_MAX))).is_ok());
        assert!(Query::parse(Some(&"a&".repeat(QUERY_PARAMETERS_MAX + 1))).is_err());
    }

    #[test]
    fn times_have_a_unit() {
        let seconds = Some(Duration::from_secs(90));
        assert_eq!(query("t=90s").time("t").unwrap(), seconds);
        assert_eq!(query("t=90000ms").time("t").unwrap(), seconds);
        assert_eq!(query("t=2m").time("t").unwrap(), Some(Duration::from_mins(2)));
        assert_eq!(query("t=-1").time("t").unwrap(), None);
        assert_eq!(query("").time("t").unwrap(), None);
        for bad in ["t=90", "t=s", "t=", "t=1y", "t=99999999999999999999s", "t=-5s"] {
            assert!(query(bad).time("t").is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_keep_their_plus() {
        assert_eq!(decode_segment("a+b%2Fc").unwrap(), "a+b/c");
        assert!(decode_segment("%f").is_err());
    }
}
