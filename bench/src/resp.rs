//! The protocol of Redis, as far as it is spoken here.

use bytes::Bytes;

/// An answer of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A value, if there is one.
    Text(Option<Bytes>),
    /// Two values.
    Texts([Option<Bytes>; 2]),
    /// A number, a word or an error: the line.
    Other(Bytes),
}

/// Writes a command as it goes over the wire.
pub(crate) fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The answer at the beginning of `bytes` and its length; `None` while some of it is missing.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Reply, usize)> {
    let (line, start) = line(bytes, 0)?;
    match line.split_first()? {
        (b'$', _) => text(bytes, 0).map(|(text, end)| (Reply::Text(text), end)),
        (b'*', b"2") => {
            let (one, end) = text(bytes, start)?;
            let (other, end) = text(bytes, end)?;
            Some((Reply::Texts([one, other]), end))
        }
        _ => Some((Reply::Other(Bytes::copy_from_slice(line)), start)),
    }
}

/// The value that begins at `start`, and where it ends.
fn text(bytes: &[u8], start: usize) -> Option<(Option<Bytes>, usize)> {
    let (line, start) = line(bytes, start)?;
    let length = std::str::from_utf8(line.get(1..)?).ok()?.parse::<i64>().ok()?;
    let Ok(length) = usize::try_from(length) else { return Some((None, start)) };
    let end = start.checked_add(length)?;
    let whole = end.checked_add(2)?;
    let text = bytes.get(start..end)?;
    (bytes.len() >= whole).then(|| (Some(Bytes::copy_from_slice(text)), whole))
}

/// The line that begins at `start`, and where the next one does.
fn line(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(start..)?;
    let length = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((rest.get(..length)?, start.checked_add(length)?.checked_add(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let whole = b"*2\r\n$3\r\n0 a\r\n$-1\r\n+OK\r\n";
        for end in 0..18 {
            assert_eq!(parse(&whole[..end]), None);
        }
        let texts = Reply::Texts([Some(Bytes::from_static(b"0 a")), None]);
        assert_eq!(parse(whole), Some((texts, 18)));
        assert_eq!(parse(&whole[4..]), Some((Reply::Text(Some(Bytes::from_static(b"0 a"))), 9)));
        assert_eq!(parse(&whole[13..]), Some((Reply::Text(None), 5)));
        assert_eq!(parse(&whole[18..]), Some((Reply::Other(Bytes::from_static(b"+OK")), 5)));
    }

    #[test]
    fn a_command_says_how_long_its_words_are() {
        let mut out = Vec::new();
        command(&mut out, &[b"GET", b"\r\n"]);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n");
    }
}
