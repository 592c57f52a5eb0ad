//! Reads distinguished names (RFC 4514).
//!
//! As directories do, it also takes `;` between levels and values in quotation marks (RFC 1779).

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

use super::dn::{DistinguishedName, DnRefusal};

/// Reads a name.
pub(super) fn name(text: &str) -> Result<DistinguishedName, DnRefusal> {
    let mut parser = Parser { rest: text.chars().peekable() };
    parser.skip_spaces();
    if parser.rest.peek().is_none() {
        return Ok(DistinguishedName::of_levels(Vec::new(), None));
    }
    let (mut levels, mut first_value) = (Vec::new(), None);
    loop {
        let mut attributes = parser.level()?;
        if first_value.is_none() {
            first_value = attributes.first().map(|attribute| attribute.value.shown());
        }
        attributes.sort_by(|one, other| one.normal.cmp(&other.normal));
        let normals: Vec<String> = attributes.into_iter().map(|one| one.normal).collect();
        levels.push(normals.join("+"));
        match parser.rest.next() {
            None => return Ok(DistinguishedName::of_levels(levels, first_value)),
            Some(',' | ';') => {}
            Some(found) => return Err(DnRefusal::Unexpected(found)),
        }
    }
}

/// The text with every character in lower case, without regard to its neighbours.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

struct Attribute {
    value: AttributeValue,
    /// Type and value in their normal form.
    normal: String,
}

enum AttributeValue {
    Text(String),
    /// The encoding of a value that is no text.
    Encoded(Vec<u8>),
}

impl AttributeValue {
    /// The text, or the encoding in hexadecimal digits.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Encoded(bytes) => {
                let digits = bytes.iter().map(|byte| alloc::format!("{byte:02x}"));
                core::iter::once(String::from("#")).chain(digits).collect()
            }
        }
    }

    fn normal(&self) -> String {
        match self {
            Self::Text(text) => escape(&fold(&squeeze(text))),
            Self::Encoded(_) => self.shown(),
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn level(&mut self) -> Result<Vec<Attribute>, DnRefusal> {
        let mut attributes = Vec::new();
        loop {
            attributes.push(self.attribute()?);
            if self.rest.next_if_eq(&'+').is_none() {
                return Ok(attributes);
            }
        }
    }

    fn attribute(&mut self) -> Result<Attribute, DnRefusal> {
        self.skip_spaces();
        let mut kind = String::new();
        while let Some(found) = self.rest.next_if(|found| is_of_type(*found)) {
            kind.push(found);
        }
        if kind.is_empty() {
            return Err(DnRefusal::MissingType);
        }
        self.skip_spaces();
        if self.rest.next_if_eq(&'=').is_none() {
            return Err(DnRefusal::MissingValue(kind));
        }
        self.skip_spaces();
        let value = match self.rest.peek() {
            Some('#') => self.encoded()?,
            Some('"') => AttributeValue::Text(self.quoted()?),
            Some(_) | None => AttributeValue::Text(self.plain()?),
        };
        self.skip_spaces();
        let normal = alloc::format!("{}={}", fold(&kind), value.normal());
        Ok(Attribute { value, normal })
    }

    fn encoded(&mut self) -> Result<AttributeValue, DnRefusal> {
        self.rest.next();
        let mut bytes = Vec::new();
        while let Some(high) = self.rest.next_if(char::is_ascii_hexdigit) {
            let low = self.rest.next().ok_or(DnRefusal::Hexadecimal)?;
            bytes.push(byte_of(high, low).ok_or(DnRefusal::Hexadecimal)?);
        }
        if bytes.is_empty() {
            return Err(DnRefusal::Hexadecimal);
        }
        Ok(match text_of(&bytes) {
            Some(text) => AttributeValue::Text(text),
            None => AttributeValue::Encoded(bytes),
        })
    }

    fn quoted(&mut self) -> Result<String, DnRefusal> {
        self.rest.next();
        let mut bytes = Vec::new();
        loop {
            match self.rest.next().ok_or(DnRefusal::Unclosed)? {
                '"' => return String::from_utf8(bytes).map_err(|_| DnRefusal::NotText),
                '\\' => self.escaped(&mut bytes)?,
                found => push(&mut bytes, found),
            }
        }
    }

    fn plain(&mut self) -> Result<String, DnRefusal> {
        let mut bytes = Vec::new();
        // Spaces at the end do not belong to the value, unless they are escaped.
        let mut kept = 0;
        while let Some(found) = self.rest.next_if(|found| !matches!(found, ',' | ';' | '+')) {
            match found {
                '"' => return Err(DnRefusal::Unexpected(found)),
                '\\' => self.escaped(&mut bytes)?,
                _ => push(&mut bytes, found),
            }
            if found != ' ' {
                kept = bytes.len();
            }
        }
        bytes.truncate(kept);
        String::from_utf8(bytes).map_err(|_| DnRefusal::NotText)
    }

    /// Reads what stands behind a backslash: one byte in two digits, or a character.
    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<(), DnRefusal> {
        let found = self.rest.next().ok_or(DnRefusal::Escape)?;
        if found.is_ascii_hexdigit() {
            let low = self.rest.next().ok_or(DnRefusal::Escape)?;
            bytes.push(byte_of(found, low).ok_or(DnRefusal::Escape)?);
        } else if found == ' ' || found.is_ascii_punctuation() {
            push(bytes, found);
        } else {
            return Err(DnRefusal::Escape);
        }
        Ok(())
    }

    fn skip_spaces(&mut self) {
        while self.rest.next_if_eq(&' ').is_some() {}
    }
}

const fn is_of_type(found: char) -> bool {
    found.is_ascii_alphanumeric() || matches!(found, '-' | '.' | '_')
}

fn byte_of(high: char, low: char) -> Option<u8> {
    let high = high.to_digit(16)?.checked_mul(16)?;
    u8::try_from(high.checked_add(low.to_digit(16)?)?).ok()
}

fn push(bytes: &mut Vec<u8>, found: char) {
    bytes.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The text in an encoding of one, of fewer than 128 bytes: `OCTET STRING`, `UTF8String`,
/// `PrintableString`, `TeletexString` or `IA5String`.
fn text_of(encoding: &[u8]) -> Option<String> {
    let (tag, rest) = encoding.split_first()?;
    let (length, content) = rest.split_first()?;
    if !matches!(tag, 0x04 | 0x0c | 0x13 | 0x14 | 0x16) || usize::from(*length) != content.len() {
        return None;
    }
    if *length >= 128 {
        return None;
    }
    String::from_utf8(content.to_vec()).ok()
}

/// The text without spaces at its ends, and with one space for several.
fn squeeze(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, found) in text.chars().enumerate() {
        match found {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', found]),
            '#' if place == 0 => escaped.push_str("\\#"),
            '\0' => escaped.push_str("\\00"),
            _ => escaped.push(found),
        }
    }
    escaped
}
