//! What every answer of the server has in common, whatever was asked.
//!
//! Owns the rules that hold without knowing the request: statuses, error shapes, headers. Must not
//! know routes, sockets or the code that is tested. Start at [`Answer::faults`].

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

/// An answer as a client sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// Its body as it was sent.
    pub body: Vec<u8>,
}

/// What was asked, as far as it decides the form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// For headers and a body.
    Whole,
    /// For the headers alone: the method was `HEAD`.
    HeadersOnly,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let known = self.headers.iter().filter(|(known, _)| known == name);
        known.map(|(_, value)| value.as_str()).collect()
    }

    /// The body, unpacked and read; nothing if it is empty.
    pub fn json(&self) -> Result<Option<Value>, String> {
        let mut plain = Vec::new();
        let body = if self.header("content-encoding") == Some("gzip") && !self.body.is_empty() {
            let unpacked = GzDecoder::new(self.body.as_slice()).read_to_end(&mut plain);
            unpacked.map_err(|error| format!("the body is no gzip: {error}"))?;
            &plain
        } else {
            &self.body
        };
        if body.is_empty() {
            return Ok(None);
        }
        let value = serde_json::from_slice(body);
        value.map(Some).map_err(|error| format!("the body is no JSON: {error}"))
    }

    /// What is wrong with the answer; nothing if it is as every answer must be.
    pub fn faults(&self, asked: Asked) -> Vec<String> {
        let mut faults = Vec::new();
        if self.status >= 500 && self.status != 503 {
            faults.push(format!("status {}", self.status));
        }
        if self.is_of_the_protocol() {
            return faults;
        }
        self.check_headers(asked, &mut faults);
        match self.json() {
            Err(fault) => faults.push(fault),
            Ok(body) => self.check_body(body.as_ref(), asked, &mut faults),
        }
        faults
    }

    /// Whether the bytes received were no request at all. The HTTP library answers these: a bare
    /// status and the end of the connection.
    fn is_of_the_protocol(&self) -> bool {
        matches!(self.status, 400 | 414 | 431)
            && self.body.is_empty()
            && self.header("content-type").is_none()
            && self.header("x-elastic-product").is_none()
    }

    fn check_headers(&self, asked: Asked, faults: &mut Vec<String>) {
        let is_refused = matches!(self.status, 401 | 403);
        match self.header("x-elastic-product") {
            Some("Elasticsearch") if !is_refused => {}
            None if is_refused => {}
            found => faults.push(format!("status {} with product {found:?}", self.status)),
        }
        if is_refused && self.header("warning").is_some() {
            faults.push(format!("status {} with a warning", self.status));
        }
        let challenges = self.values("www-authenticate").len();
        if (self.status == 401) != (challenges > 0) {
            faults.push(format!("status {} with {challenges} challenges", self.status));
        }
        if self.status == 405 && self.header("allow").is_none() {
            faults.push("status 405 without the methods that are allowed".into());
        }
        if matches!(self.status, 429 | 503) && self.header("retry-after").is_none() {
            faults.push(format!("status {} without a time to come back", self.status));
        }
        let length = self.header("content-length").and_then(|text| text.parse::<usize>().ok());
        if asked == Asked::Whole && length != Some(self.body.len()) {
            faults.push(format!("length {length:?} of {} bytes", self.body.len()));
        }
        let kind = self.header("content-type").unwrap_or_default();
        let is_json =
            kind == "application/json" || kind.starts_with("application/vnd.elasticsearch+json");
        if !self.body.is_empty() && !is_json {
            faults.push(format!("a body of type {kind:?}"));
        }
    }

    fn check_body(&self, body: Option<&Value>, asked: Asked, faults: &mut Vec<String>) {
        let Some(body) = body else {
            let may_be_empty = asked == Asked::HeadersOnly
                || matches!(self.status, 408 | 413)
                || self.header("content-type") == Some("text/plain");
            if !may_be_empty {
                faults.push(format!("status {} without a body", self.status));
            }
            return;
        };
        if asked == Asked::HeadersOnly {
            faults.push("a body where headers alone were asked for".into());
        }
        let is_sound = match self.status {
            200 => body.get("error").is_none(),
            // The success body in its empty form, or of a wait that ended too soon.
            404 | 408 if body.get("error").is_none() => body.is_object(),
            status => is_error(body, status),
        };
        if !is_sound {
            faults.push(format!("status {} with the body {body}", self.status));
        }
        self.check_challenges(body, faults);
    }

    /// The challenges of a 401 stand in its body too.
    fn check_challenges(&self, body: &Value, faults: &mut Vec<String>) {
        if self.status != 401 {
            return;
        }
        let error = &body["error"];
        let told = match &error["header"]["WWW-Authenticate"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if told != self.values("www-authenticate") {
            faults.push(format!("the body has the challenges {told:?}"));
        }
        if error.get("stack_trace").is_some() {
            faults.push("status 401 with a stack trace".into());
        }
    }
}

/// Whether a body is an error in one of the documented shapes.
fn is_error(body: &Value, status: u16) -> bool {
    let Some(members) = body.as_object() else { return false };
    let has_status = body["status"].as_u64() == Some(status.into());
    match (&body["error"], members.len()) {
        (Value::Object(_), 2) => {
            let error = &body["error"];
            let causes = error["root_cause"].as_array();
            has_status
                && is_cause(error)
                && causes.is_some_and(|causes| !causes.is_empty() && causes.iter().all(is_cause))
        }
        (Value::String(_), 2) if members.contains_key("error_description") => {
            let description = &body["error_description"];
            status == 400 && (description.is_string() || description.is_null())
        }
        (Value::String(_), 2) => has_status,
        (Value::String(text), 1) => status == 400 && text.starts_with("no handler found"),
        _ => false,
    }
}

fn is_cause(cause: &Value) -> bool {
    cause["type"].is_string() && cause["reason"].is_string()
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
    fn check(answer: &Answer, faults: &[&str]) {
        assert_eq!(answer.faults(Asked::Whole), faults);
    }

    #[test]
    fn sound_answers_have_no_faults() {
        check(&answer(200, &[JSON, PRODUCT], r#"{"a":1}"#), &[]);
        check(&answer(404, &[JSON, PRODUCT], r#"{"found":false}"#), &[]);
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
    fn the_product_is_hidden_from_strangers() {
        let refused = answer(403, &[JSON, PRODUCT], r#"{"error":"x","status":403}"#);
        check(&refused, &["status 403 with product Some(\"Elasticsearch\")"]);
        let done = answer(200, &[JSON], "{}");
        check(&done, &["status 200 with product None"]);
    }

    #[test]
    fn broken_bodies_are_seen() {
        assert!(answer(200, &[JSON, PRODUCT], "{").faults(Asked::Whole)[0].contains("no JSON"));
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
