//! Media types: what `Accept` and `Content-Type` ask for and what the answer is labelled.
//!
//! Owns the grammar of media types and the versions that are spoken. JSON is the only format. An
//! `Accept` that this service does not understand gets JSON all the same, since programs and
//! browsers send the oddest lists; only one that insists on a known other format is refused.

use std::borrow::Cow;

use http::HeaderValue;

use crate::error::ApiError;

/// What the answer is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Media {
    /// `application/json`
    #[default]
    Json,
    /// `application/vnd.elasticsearch+json`, with the version where one was asked for.
    Vendor(Option<u8>),
}

impl Media {
    /// The value of `Content-Type`.
    pub const fn header(self) -> HeaderValue {
        match self {
            Self::Json => JSON,
            Self::Vendor(Some(7)) => VENDOR_7,
            Self::Vendor(Some(8)) => VENDOR_8,
            Self::Vendor(Some(9)) => VENDOR_9,
            Self::Vendor(_) => VENDOR,
        }
    }

    const fn version(self) -> Option<u8> {
        match self {
            Self::Json => None,
            Self::Vendor(version) => version,
        }
    }
}

/// The media-type headers of a request as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaHeaders<'r> {
    /// `Accept`.
    pub accept: Lines<'r>,
    /// `Content-Type`.
    pub content_type: Lines<'r>,
}

/// The lines of one header.
#[derive(Clone, Copy, Debug, Default)]
pub enum Lines<'r> {
    /// None.
    #[default]
    None,
    /// One.
    One(&'r HeaderValue),
    /// More than one; the first is kept.
    Many(&'r HeaderValue),
}

impl<'r> Lines<'r> {
    /// Adds one more line.
    pub(crate) const fn push(&mut self, line: &'r HeaderValue) {
        *self = match self {
            Self::None => Self::One(line),
            Self::One(first) | Self::Many(first) => Self::Many(first),
        };
    }

    const fn first(self) -> Option<&'r HeaderValue> {
        match self {
            Self::None => None,
            Self::One(line) | Self::Many(line) => Some(line),
        }
    }
}

/// Chooses the label of the answer, or says what is wrong with the headers.
///
/// `has_body` says whether a body follows: without one, `Content-Type` has no say.
pub fn negotiate(headers: MediaHeaders<'_>, has_body: bool) -> Result<Media, ApiError> {
    let accept = only_line("Accept", headers.accept)?;
    let content_type = content_type(headers.content_type)?;
    let wish = match accept {
        None => Wish::Anything,
        Some(list) => wish(list)?,
    };
    let accept = accept.unwrap_or_default();
    if let Wish::Exactly(Media::Vendor(Some(version))) = wish
        && !SPOKEN.contains(&version)
    {
        return Err(unspoken("Accept", version, accept));
    }
    let sent = content_type.and_then(|text| MediaType::parse(text)?.as_json()).flatten();
    if !has_body {
        return Ok(wish.or(Media::Json));
    }
    let Some(sent) = sent else {
        return Ok(wish.or(Media::Json));
    };
    let sent_text = content_type.unwrap_or_default();
    if let Some(version) = sent.version()
        && !SPOKEN.contains(&version)
    {
        return Err(unspoken("Content-Type", version, sent_text));
    }
    match wish {
        Wish::Anything => Ok(sent),
        Wish::Exactly(media) if media.version() == sent.version() => Ok(media),
        Wish::Exactly(_) => Err(ApiError::media_version(format!(
            "A compatible version is required on both Content-Type and Accept headers. \
             Accept={accept}, Content-Type={sent_text}"
        ))),
    }
}

/// What [`negotiate`] chooses for this value of `Accept`, if it does not refuse it, without a body.
pub(crate) fn accepted(accept: &[u8]) -> Option<Media> {
    Some(match accept {
        b"*/*" | b"application/json" => Media::Json,
        b"application/vnd.elasticsearch+json;compatible-with=8"
        | b"application/vnd.elasticsearch+json; compatible-with=8" => Media::Vendor(Some(8)),
        other => {
            let line = HeaderValue::from_bytes(other).ok()?;
            let headers = MediaHeaders { accept: Lines::One(&line), content_type: Lines::None };
            return negotiate(headers, false).ok();
        }
    })
}

/// Refuses a body that is not labelled as JSON.
pub fn check_body(content_type: Lines<'_>) -> Result<(), ApiError> {
    let Some(line) = content_type.first() else {
        return Err(ApiError::content_type_missing());
    };
    let text = read_line("Content-Type", line)?;
    let is_json = MediaType::parse(text).is_some_and(|media| media.as_json().flatten().is_some());
    if is_json { Ok(()) } else { Err(ApiError::media_unsupported("Content-Type", text)) }
}

/// Refuses a parameter `format` that names a known other format.
pub fn check_format(format: Option<&str>) -> Result<(), ApiError> {
    match format {
        Some(other) if ["yaml", "cbor", "smile"].contains(&other) => {
            Err(ApiError::media_unsupported("Accept", &format!("application/{other}")))
        }
        _ => Ok(()),
    }
}

/// What an `Accept` list comes down to.
#[derive(Clone, Copy)]
enum Wish {
    Anything,
    Exactly(Media),
}

impl Wish {
    const fn or(self, media: Media) -> Media {
        match self {
            Self::Anything => media,
            Self::Exactly(media) => media,
        }
    }
}

/// The best item of the list; of equally good ones the first.
fn wish(list: &str) -> Result<Wish, ApiError> {
    match list {
        "*/*" => return Ok(Wish::Anything),
        "application/json" => return Ok(Wish::Exactly(Media::Json)),
        _ => {}
    }
    let mut best: Option<(u16, Wish)> = None;
    let mut refused = None;
    for item in list.split(',').map(str::trim) {
        let Some(media) = MediaType::parse(item) else {
            if !list.contains(',') {
                return Err(malformed("Accept"));
            }
            continue;
        };
        let weight = media.weight();
        let wish = match media.as_json() {
            _ if weight == 0 => continue,
            Some(Some(json)) => Wish::Exactly(json),
            Some(None) => Wish::Anything,
            None if media.is_other_format() => {
                refused = Some(item);
                continue;
            }
            None => continue,
        };
        if best.is_none_or(|(heaviest, _)| weight > heaviest) {
            best = Some((weight, wish));
        }
    }
    match (best, refused) {
        (Some((_, wish)), _) => Ok(wish),
        (None, Some(item)) => Err(ApiError::media_unsupported("Accept", item)),
        (None, None) => Ok(Wish::Anything),
    }
}

fn content_type(lines: Lines<'_>) -> Result<Option<&str>, ApiError> {
    let text = only_line("Content-Type", lines)?;
    match text.map(MediaType::parse) {
        Some(None) => Err(malformed("Content-Type")),
        Some(Some(_)) | None => Ok(text),
    }
}

fn only_line<'r>(header: &str, lines: Lines<'r>) -> Result<Option<&'r str>, ApiError> {
    match lines {
        Lines::None => Ok(None),
        Lines::Many(_) => Err(malformed(header)),
        Lines::One(line) => read_line(header, line).map(Some),
    }
}

fn read_line<'r>(header: &str, line: &'r HeaderValue) -> Result<&'r str, ApiError> {
    match line.to_str().map(str::trim) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(malformed(header)),
    }
}

fn malformed(header: &str) -> ApiError {
    ApiError::media_type(format!("Invalid media-type value on header [{header}]"))
}

fn unspoken(header: &str, version: u8, value: &str) -> ApiError {
    let version =
        if version == u8::MAX { String::from("an unknown one") } else { version.to_string() };
    ApiError::media_version(format!(
        "{header} version must be either version 9, 8 or 7, but found {version}. {header}={value}"
    ))
}

/// `type/subtype;name=value;...`
struct MediaType<'t> {
    essence: Cow<'t, str>,
    parameters: &'t str,
}

impl<'t> MediaType<'t> {
    /// Reads one media type or range; nothing if it breaks the grammar (RFC 9110, 8.3.1).
    fn parse(text: &'t str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        let (kind, subtype) = essence.split_once('/')?;
        let is_well_formed = is_token(kind)
            && is_token(subtype)
            && parameters
                .split(';')
                .map(str::trim)
                .filter(|parameter| !parameter.is_empty())
                .all(is_parameter);
        let essence = if essence.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(essence.to_ascii_lowercase())
        } else {
            Cow::Borrowed(essence)
        };
        let media = Self { essence, parameters };
        (is_well_formed && media.has_fit_version()).then_some(media)
    }

    /// Whether a version, if there is one, is a number and belongs to a type that has versions.
    fn has_fit_version(&self) -> bool {
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let has_versions = || self.essence.starts_with("application/vnd.elasticsearch+");
        self.parameter(VERSION).is_none_or(|text| is_number(text) && has_versions())
    }

    fn parameter(&self, name: &str) -> Option<&'t str> {
        self.parameters.split(';').find_map(|parameter| {
            let (known, value) = parameter.split_once('=')?;
            known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// Nothing: not JSON. `Some(None)`: a range that JSON satisfies. Else the exact type.
    #[expect(clippy::option_option, reason = "private, and the three cases are named above")]
    fn as_json(&self) -> Option<Option<Media>> {
        if self.parameter("charset").is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
            return None;
        }
        match self.essence.as_ref() {
            "application/json" => Some(Some(Media::Json)),
            "application/vnd.elasticsearch+json" => {
                let version = self.parameter(VERSION);
                Some(Some(Media::Vendor(version.map(|digits| digits.parse().unwrap_or(u8::MAX)))))
            }
            "*/*" | "application/*" => Some(None),
            _ => None,
        }
    }

    /// Whether this is a format that others speak here and this service does not.
    fn is_other_format(&self) -> bool {
        let Some(format) = self.essence.strip_prefix("application/") else {
            return self.essence == "text/yaml";
        };
        let format = format.strip_prefix("vnd.elasticsearch+").unwrap_or(format);
        ["yaml", "cbor", "smile"].contains(&format)
    }

    /// The weight in thousandths; what is not a weight counts as full.
    fn weight(&self) -> u16 {
        let Some(text) = self.parameter("q") else { return FULL_WEIGHT };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        match whole {
            "0" => format!("{fraction:0<3.3}").parse().unwrap_or(FULL_WEIGHT),
            "" if !fraction.is_empty() => {
                format!("{fraction:0<3.3}").parse().unwrap_or(FULL_WEIGHT)
            }
            _ => FULL_WEIGHT,
        }
    }
}

fn is_parameter(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        let value = value.trim();
        let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        is_token(name.trim()) && (is_token(value) || inner.is_some_and(|text| !text.contains('"')))
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const VENDOR: HeaderValue = HeaderValue::from_static("application/vnd.elasticsearch+json");
const VENDOR_7: HeaderValue =
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=7");
const VENDOR_8: HeaderValue =
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=8");
const VENDOR_9: HeaderValue =
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=9");

/// Versions of the compatibility media type that are spoken.
const SPOKEN: [u8; 3] = [7, 8, 9];

/// The parameter that names the version.
const VERSION: &str = "compatible-with";

const FULL_WEIGHT: u16 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::{JsonWriter, Layout};

    fn body(error: &ApiError) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        error.print(&mut json, Trace::Hidden);
        String::from_utf8(json.finish()).unwrap()
    }

    fn line(value: &HeaderValue) -> Lines<'_> {
        if value == "-" { Lines::None } else { Lines::One(value) }
    }

    fn chosen(accept: &str, content_type: &str, has_body: bool) -> Result<Media, String> {
        let accept = HeaderValue::from_str(accept).unwrap();
        let content_type = HeaderValue::from_str(content_type).unwrap();
        let headers = MediaHeaders { accept: line(&accept), content_type: line(&content_type) };
        negotiate(headers, has_body).map_err(|error| body(&error))
    }

    const V7: &str = "application/vnd.elasticsearch+json;compatible-with=7";
    const V8: &str = "application/vnd.elasticsearch+json; compatible-with=8";
    const V9: &str = "application/vnd.elasticsearch+json;compatible-with=9";
    const V10: &str = "application/vnd.elasticsearch+json;compatible-with=10";

    /// Case 126 of the wire, for each version that is spoken.
    #[test]
    fn spoken_versions_are_echoed() {
        for (header, version) in [(V7, 7), (V8, 8), (V9, 9)] {
            assert_eq!(chosen(header, header, true), Ok(Media::Vendor(Some(version))));
            assert_eq!(chosen(header, "-", false), Ok(Media::Vendor(Some(version))));
            let echoed = Media::Vendor(Some(version)).header();
            assert_eq!(echoed.to_str().unwrap(), header.replace(' ', ""));
        }
    }

    /// Case 127 of the wire, with the versions that this service speaks.
    #[test]
    fn another_version_is_refused_with_the_spoken_ones_named() {
        let wanted = format!(
            r#""caused_by":{{"type":"status_exception","reason":"Accept version must be either version 9, 8 or 7, but found 10. Accept={V10}"}}}},"status":400}}"#
        );
        assert!(chosen(V10, V10, true).unwrap_err().ends_with(&wanted));
        assert!(chosen(V10, "-", false).unwrap_err().ends_with(&wanted));
        assert!(chosen("*/*", V10, true).unwrap_err().contains("Content-Type version must be"));
        assert!(chosen(&V10.replace("10", "6"), "-", false).unwrap_err().contains("but found 6."));
    }

    /// Case 128 of the wire.
    #[test]
    fn versions_of_both_headers_agree_when_a_body_follows() {
        let text = "A compatible version is required on both Content-Type and Accept headers";
        assert!(chosen(V8, "application/json", true).unwrap_err().contains(text));
        assert!(chosen("application/json", V8, true).unwrap_err().contains(text));
        assert!(chosen(V8, V9, true).unwrap_err().contains(text));
        assert_eq!(chosen(V8, "application/json", false), Ok(Media::Vendor(Some(8))));
    }

    #[test]
    fn a_versioned_body_answers_an_open_accept() {
        assert_eq!(chosen("*/*", V8, true), Ok(Media::Vendor(Some(8))));
        assert_eq!(chosen("-", V9, true), Ok(Media::Vendor(Some(9))));
        assert_eq!(chosen("-", V9, false), Ok(Media::Json));
    }

    #[test]
    fn browsers_curl_and_odd_programs_get_json() {
        for accept in [
            "-",
            "*/*",
            "application/*",
            "application/json",
            "Application/JSON; charset=UTF-8",
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            "application/json, text/plain, */*",
            "application/yaml, application/json;q=0.1",
        ] {
            assert_eq!(chosen(accept, "-", false), Ok(Media::Json), "{accept}");
        }
    }

    #[test]
    fn the_heaviest_json_of_a_list_is_chosen() {
        let list = format!("application/json;q=0.5, {V8};q=0.7");
        assert_eq!(chosen(&list, "-", false), Ok(Media::Vendor(Some(8))));
        let list = format!("{V8};q=0, application/json;q=0.001");
        assert_eq!(chosen(&list, "-", false), Ok(Media::Json));
    }

    #[test]
    fn other_known_formats_are_refused_when_nothing_else_will_do() {
        for accept in ["application/yaml", "application/cbor", "application/smile"] {
            let error = chosen(accept, "-", false).unwrap_err();
            assert_eq!(
                error,
                format!(r#"{{"error":"Accept header [{accept}] is not supported","status":406}}"#)
            );
        }
        assert!(
            chosen("application/vnd.elasticsearch+cbor;compatible-with=8", "-", false).is_err()
        );
        assert!(check_format(Some("yaml")).is_err());
        assert!(check_format(Some("json")).is_ok());
    }

    #[test]
    fn broken_headers_are_media_type_errors() {
        for accept in [
            " ",
            "json",
            "application/",
            "application/json;x",
            "a b/c",
            "application/vnd.elasticsearch+json;compatible-with=x",
            "application/vnd.elasticsearch+json;compatible-with=\"\"",
            "application/json;compatible-with=8",
            "*/*;compatible-with=8",
        ] {
            let error = chosen(accept, "-", false).unwrap_err();
            assert!(error.contains(r#""type":"media_type_header_exception","reason":"Invalid media-type value on header [Accept]""#), "{accept}: {error}");
        }
        assert!(chosen("*/*", " ", true).unwrap_err().contains("[Content-Type]"));
        assert!(chosen("*/*", "nonsense", false).unwrap_err().contains("[Content-Type]"));
        for media in
            ["application/vnd.elasticsearch+json;compatible-with=x", "a/b;compatible-with=8"]
        {
            assert!(chosen("*/*", media, true).unwrap_err().contains("[Content-Type]"), "{media}");
        }
    }

    #[test]
    fn repeated_headers_are_media_type_errors() {
        let line = HeaderValue::from_static("application/json");
        let (one, many) = (Lines::One(&line), Lines::Many(&line));
        for (accept, content_type) in [(Lines::None, many), (many, Lines::None), (many, one)] {
            let headers = MediaHeaders { accept, content_type };
            let error = body(&negotiate(headers, true).unwrap_err());
            assert!(error.contains("media_type_header_exception"), "{error}");
        }
    }

    #[track_caller]
    fn check_body_type(content_type: &str, wanted: Result<(), &str>) {
        let line = HeaderValue::from_str(content_type).unwrap();
        let found = check_body(Lines::One(&line)).map_err(|error| body(&error));
        assert_eq!(found, wanted.map_err(str::to_owned), "{content_type}");
    }

    /// Case 24 of the wire.
    #[test]
    fn a_body_of_another_type_is_refused() {
        check_body_type(
            "application/x-www-form-urlencoded",
            Err(
                r#"{"error":"Content-Type header [application/x-www-form-urlencoded] is not supported","status":406}"#,
            ),
        );
        for other in [
            "text/plain",
            "application/yaml",
            "application/json;charset=latin1",
            "application/x-ndjson",
            "application/*",
        ] {
            let line = HeaderValue::from_str(other).unwrap();
            assert!(check_body(Lines::One(&line)).is_err(), "{other}");
        }
        check_body_type("application/json; charset=UTF-8", Ok(()));
        check_body_type("application/json;charset=\"utf-8\"", Ok(()));
        check_body_type(V8, Ok(()));
    }

    /// Case 25 of the wire.
    #[test]
    fn a_body_without_a_type_is_refused() {
        assert_eq!(
            body(&check_body(Lines::None).unwrap_err()),
            r#"{"error":"Content-Type header is missing","status":406}"#
        );
    }
}
