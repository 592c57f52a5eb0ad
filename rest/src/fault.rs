//! The error object: type, reason, extra members, cause, challenges, and its root cause.
//!
//! Owns the member order and what a root cause is. Must not know which status goes with it.

use std::borrow::Cow;

use crate::json::write::JsonWriter;

/// Whether error objects show where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trace {
    /// No `stack_trace`.
    #[default]
    Hidden,
    /// A `stack_trace` in every error object.
    Shown,
}

/// One error with its type and reason.
#[derive(Debug, Default)]
pub struct ErrorObject {
    kind: &'static str,
    reason: String,
    members: Vec<(&'static str, Vec<String>)>,
    challenges: Vec<Cow<'static, str>>,
    cause: Option<Box<Self>>,
}

impl ErrorObject {
    /// An error without a cause.
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            members: Vec::new(),
            challenges: Vec::new(),
            cause: None,
        }
    }

    /// Adds what led to this error.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// A declarative parser could not make anything of a complete body.
    pub fn x_content(reason: impl Into<String>) -> Self {
        Self::new(X_CONTENT, reason)
    }

    /// Adds a member behind the reason.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, values: Vec<String>) -> Self {
        self.members.push((name, values));
        self
    }

    /// Adds the ways to authenticate.
    #[must_use]
    pub(crate) fn challenged(mut self, challenges: Vec<Cow<'static, str>>) -> Self {
        self.challenges = challenges;
        self
    }

    /// Writes the object with its root cause.
    pub(crate) fn print(&self, json: &mut JsonWriter, trace: Trace) {
        json.begin_object();
        json.name("root_cause");
        json.begin_array();
        json.begin_object();
        self.root().print_head(json);
        self.root().print_tail(json, trace);
        json.end_object();
        json.end_array();
        self.print_head(json);
        self.print_cause(json, trace);
        self.print_tail(json, trace);
        json.end_object();
    }

    /// Writes the object without a root cause, as one entry among others.
    pub(crate) fn print_entry(&self, json: &mut JsonWriter) {
        json.begin_object();
        self.print_head(json);
        self.print_cause(json, Trace::Hidden);
        json.end_object();
    }

    /// The error that is shown as root: inner parse errors stand for the outer ones.
    fn root(&self) -> &Self {
        match &self.cause {
            Some(cause) if self.kind == X_CONTENT && cause.kind == X_CONTENT => cause.root(),
            _ => self,
        }
    }

    fn print_head(&self, json: &mut JsonWriter) {
        json.name("type");
        json.text(self.kind);
        json.name("reason");
        json.text(&self.reason);
        for (name, values) in &self.members {
            json.name(name);
            one_or_many(json, values);
        }
    }

    fn print_tail(&self, json: &mut JsonWriter, trace: Trace) {
        if !self.challenges.is_empty() {
            json.name("header");
            json.begin_object();
            json.name("WWW-Authenticate");
            one_or_many(json, &self.challenges);
            json.end_object();
        }
        if trace == Trace::Shown {
            json.name("stack_trace");
            json.text(&format!("{}: {}", self.kind, self.reason));
        }
    }

    fn print_cause(&self, json: &mut JsonWriter, trace: Trace) {
        if let Some(cause) = &self.cause {
            json.name("caused_by");
            json.begin_object();
            cause.print_head(json);
            cause.print_cause(json, trace);
            cause.print_tail(json, trace);
            json.end_object();
        }
    }
}

fn one_or_many(json: &mut JsonWriter, values: &[impl AsRef<str>]) {
    match values {
        [one] => json.text(one.as_ref()),
        many => json.texts(many.iter().map(AsRef::as_ref)),
    }
}

/// The type of errors of declarative parsers.
pub(crate) const X_CONTENT: &str = "x_content_parse_exception";

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(object: &ErrorObject) -> String {
        let mut json = JsonWriter::default();
        object.print(&mut json, Trace::Hidden);
        String::from_utf8(json.finish()).unwrap()
    }

    #[test]
    fn extra_members_are_texts_when_single_and_arrays_when_several() {
        let object = ErrorObject::new("t", "r")
            .with("one", vec!["a".into()])
            .with("two", vec!["b".into(), "c".into()]);
        assert_eq!(
            printed(&object),
            r#"{"root_cause":[{"type":"t","reason":"r","one":"a","two":["b","c"]}],"type":"t","reason":"r","one":"a","two":["b","c"]}"#
        );
    }

    #[test]
    fn only_parse_errors_give_way_to_their_cause_as_root() {
        let cause = || ErrorObject::new(X_CONTENT, "inner");
        let parse = ErrorObject::new(X_CONTENT, "outer").caused_by(cause());
        assert!(printed(&parse).starts_with(
            r#"{"root_cause":[{"type":"x_content_parse_exception","reason":"inner"}]"#
        ));
        let other = ErrorObject::new("t", "outer").caused_by(cause());
        assert!(printed(&other).starts_with(r#"{"root_cause":[{"type":"t","reason":"outer"}]"#));
    }
}
