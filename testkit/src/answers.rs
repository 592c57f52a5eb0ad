//! What every answer of the server has in common, whatever was asked.
//!
//! Owns the rules that hold without knowing the request: statuses, error shapes, headers. Must not
//! know routes, sockets or the code that is tested. Start at [`faults`].

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::wire::Answer;

/// What was asked, as far as it decides the form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// For headers and a body.
    Whole,
    /// For the headers alone: the method was `HEAD`.
    HeadersOnly,
}

/// What is wrong with an answer; nothing if it is as every answer must be.
pub fn faults(answer: &Answer, asked: Asked) -> Vec<String> {
    let mut faults = Vec::new();
    let status = answer.status;
    if status >= 500 && status != 503 {
        faults.push(format!("status {status}"));
    }
    if is_of_the_protocol(answer) {
        return faults;
    }
    check_headers(answer, asked, &mut faults);
    match unpacked(answer) {
        Err(fault) => faults.push(fault),
        Ok(None) => check_absence(answer, asked, &mut faults),
        Ok(Some(body)) => check_body(answer, &body, asked, &mut faults),
    }
    faults
}

/// The body, unpacked and read; nothing if it is empty.
fn unpacked(answer: &Answer) -> Result<Option<Value>, String> {
    if answer.body.is_empty() {
        return Ok(None);
    }
    let mut plain = Vec::new();
    let is_packed = answer.header("content-encoding") == Some("gzip");
    let body = if is_packed {
        let unpacked = GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain);
        unpacked.map_err(|error| format!("the body is no gzip: {error}"))?;
        &plain
    } else {
        &answer.body
    };
    let value = serde_json::from_slice(body);
    value.map(Some).map_err(|error| format!("the body is no JSON: {error}"))
}

/// Whether the bytes received were no request at all. The HTTP library answers these: a bare
/// status and the end of the connection.
fn is_of_the_protocol(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 414 | 431)
        && answer.body.is_empty()
        && answer.header("content-type").is_none()
        && answer.header("x-elastic-product").is_none()
}

/// The values of a header.
fn values<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let known = answer.headers.iter().filter(|(known, _)| known == name);
    known.map(|(_, value)| value.as_str()).collect()
}

fn check_headers(answer: &Answer, asked: Asked, faults: &mut Vec<String>) {
    let status = answer.status;
    let is_refused = matches!(status, 401 | 403);
    match answer.header("x-elastic-product") {
        Some("Elasticsearch") if !is_refused => {}
        None if is_refused => {}
        found => faults.push(format!("status {status} with product {found:?}")),
    }
    if is_refused && answer.header("warning").is_some() {
        faults.push(format!("status {status} with a warning"));
    }
    let challenges = values(answer, "www-authenticate").len();
    if (status == 401) != (challenges > 0) {
        faults.push(format!("status {status} with {challenges} challenges"));
    }
    if status == 405 && answer.header("allow").is_none() {
        faults.push("status 405 without the methods that are allowed".into());
    }
    if matches!(status, 429 | 503) && answer.header("retry-after").is_none() {
        faults.push(format!("status {status} without a time to come back"));
    }
    let length = answer.header("content-length").and_then(|text| text.parse::<usize>().ok());
    if asked == Asked::Whole && length != Some(answer.body.len()) {
        faults.push(format!("length {length:?} of {} bytes", answer.body.len()));
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let is_json =
        kind == "application/json" || kind.starts_with("application/vnd.elasticsearch+json");
    if !answer.body.is_empty() && !is_json {
        faults.push(format!("a body of type {kind:?}"));
    }
}

fn check_absence(answer: &Answer, asked: Asked, faults: &mut Vec<String>) {
    let may_be_empty = asked == Asked::HeadersOnly
        || matches!(answer.status, 408 | 413)
        || answer.header("content-type") == Some("text/plain");
    if !may_be_empty {
        faults.push(format!("status {} without a body", answer.status));
    }
}

fn check_body(answer: &Answer, body: &Value, asked: Asked, faults: &mut Vec<String>) {
    if asked == Asked::HeadersOnly {
        faults.push("a body where headers alone were asked for".into());
    }
    // A role, a user or an application may be called `error`.
    let has_error = body.get("error").is_some_and(|error| error.is_string() || is_cause(error));
    let is_sound = match answer.status {
        200 => !has_error,
        // The success body in its empty form, or of a wait that ended too soon.
        404 | 408 if !has_error => body.is_object(),
        status => is_error(body, status),
    };
    if !is_sound {
        faults.push(format!("status {} with the body {body}", answer.status));
    }
    check_challenges(answer, body, faults);
}

/// The challenges of a 401 stand in its body too.
fn check_challenges(answer: &Answer, body: &Value, faults: &mut Vec<String>) {
    if answer.status != 401 {
        return;
    }
    let told = match body.pointer("/error/header/WWW-Authenticate") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if told != values(answer, "www-authenticate") {
        faults.push(format!("the body has the challenges {told:?}"));
    }
    if body.pointer("/error/stack_trace").is_some() {
        faults.push("status 401 with a stack trace".into());
    }
}

/// Whether a body is an error in one of the documented shapes.
fn is_error(body: &Value, status: u16) -> bool {
    let (Some(members), Some(error)) = (body.as_object(), body.get("error")) else { return false };
    let has_status = body.get("status").and_then(Value::as_u64) == Some(status.into());
    match (error, members.len()) {
        (Value::Object(_), 2) => {
            let causes = error.get("root_cause").and_then(Value::as_array);
            has_status
                && is_cause(error)
                && causes.is_some_and(|causes| !causes.is_empty() && causes.iter().all(is_cause))
        }
        (Value::String(_), 2) => match body.get("error_description") {
            Some(description) => {
                status == 400 && (description.is_string() || description.is_null())
            }
            None => has_status,
        },
        (Value::String(text), 1) => status == 400 && text.starts_with("no handler found"),
        _ => false,
    }
}

fn is_cause(cause: &Value) -> bool {
    let is_text = |name| cause.get(name).is_some_and(Value::is_string);
    is_text("type") && is_text("reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        headers.push(("content-length".into(), body.len().to_string()));
        Answer { status, headers, body: body.into() }
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const PRODUCT: (&str, &str) = ("x-elastic-product", "Elasticsearch");

    #[track_caller]
    fn check(answer: &Answer, wanted: &[&str]) {
        assert_eq!(faults(answer, Asked::Whole), wanted);
    }

    #[test]
    fn sound_answers_have_no_faults() {
        check(&answer(200, &[JSON, PRODUCT], r#"{"a":1}"#), &[]);
        check(&answer(404, &[JSON, PRODUCT], r#"{"found":false}"#), &[]);
        let named = r#"{"error":{"roles":[],"enabled":true}}"#;
        check(&answer(200, &[JSON, PRODUCT], named), &[]);
        check(&answer(413, &[PRODUCT], ""), &[]);
        check(&answer(400, &[JSON, PRODUCT], r#"{"error":"no handler found for"}"#), &[]);
        check(&answer(406, &[JSON, PRODUCT], r#"{"error":"x","status":406}"#), &[]);
        let grant = r#"{"error":"invalid_grant","error_description":null}"#;
        check(&answer(400, &[JSON, PRODUCT], grant), &[]);
        let object = r#"{"error":{"root_cause":[{"type":"t","reason":"r"}],"type":"t","reason":"r"},"status":400}"#;
        check(&answer(400, &[JSON, PRODUCT], object), &[]);
        check(&answer(431, &[], ""), &[]);
    }

    #[test]
    fn a_fault_of_the_server_is_seen() {
        let body = r#"{"error":"x","status":500}"#;
        check(&answer(500, &[JSON, PRODUCT], body), &["status 500"]);
    }

    #[test]
    fn an_error_is_no_success() {
        let body = r#"{"error":{"reason":"r","type":"t"},"status":200}"#;
        let fault = format!("status 200 with the body {body}");
        check(&answer(200, &[JSON, PRODUCT], body), &[&fault]);
    }

    #[test]
    fn the_product_is_hidden_from_strangers() {
        let refused = answer(403, &[JSON, PRODUCT], r#"{"error":"x","status":403}"#);
        check(&refused, &["status 403 with product Some(\"Elasticsearch\")"]);
        let done = answer(200, &[JSON], "{}");
        check(&done, &["status 200 with product None"]);
    }

    #[test]
    fn broken_bodies_are_seen() {
        let broken = faults(&answer(200, &[JSON, PRODUCT], "{"), Asked::Whole);
        assert!(broken[0].contains("no JSON"), "{broken:?}");
        let body = r#"{"error":"x","status":400}"#;
        check(
            &answer(406, &[JSON, PRODUCT], body),
            &[r#"status 406 with the body {"error":"x","status":400}"#],
        );
        check(&answer(200, &[JSON, PRODUCT], ""), &["status 200 without a body"]);
    }

    #[test]
    fn the_challenges_of_a_refusal_stand_in_both_places() {
        let challenge = ("www-authenticate", "ApiKey");
        let body = r#"{"error":{"root_cause":[{"type":"t","reason":"r"}],"type":"t","reason":"r","header":{"WWW-Authenticate":"ApiKey"}},"status":401}"#;
        check(&answer(401, &[JSON, challenge], body), &[]);
        let other = body.replace("ApiKey", "Basic");
        check(
            &answer(401, &[JSON, challenge], &other),
            &["the body has the challenges [\"Basic\"]"],
        );
    }
}
