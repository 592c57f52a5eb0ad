//! Roles in a file that an operator edits: `roles.yml`.
//!
//! Owns how the file is cut into roles, which of them are good, and when it is read again. Must
//! not know who asks for a role, or how JSON is written. One bad role never costs
//! another. The file is one machine's: nothing that is committed can expect it unchanged.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jeton_domain::mapping::json::JsonText;
use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::{Query, RoleDescriptor};
use jeton_domain::role::refusal::RoleRefusal;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::role::validation::{RoleViolation, violations_of_file};
use jeton_domain::time::Timestamp;
use jeton_domain::value::Value;

use crate::files::{Content, Files};
use crate::yaml::{self, YamlError};

/// The file, watched.
#[derive(Debug)]
pub struct RolesFile {
    files: Files<1>,
    reserved: ReservedRoles,
    json: JsonText,
}

/// What the file says: the good roles, and what is wrong with it.
#[derive(Debug, Default)]
pub struct FileRoles {
    /// The good roles by their names.
    pub roles: BTreeMap<RoleName, RoleDescriptor>,
    /// What is left out.
    pub problems: Vec<Problem>,
}

/// A part of the file that is left out, and why.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// The number of its first line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.reason)
    }
}

/// What is wrong with a part of the file.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Reason {
    /// It is not YAML, or not of plain values.
    #[error("not readable: {0}")]
    Yaml(YamlError),
    /// It is not one name with a role.
    #[error("expected one name of a role with what the role grants")]
    Shape,
    /// The name belongs to a reserved role.
    #[error("role [{0}] is reserved and cannot be defined here")]
    Reserved(RoleName),
    /// A later part of the file defines the same role.
    #[error("role [{0}] is defined again below; the later definition counts")]
    Repeated(RoleName),
    /// It has not the form of a role.
    #[error("{}", with_cause(.0))]
    Form(RoleRefusal),
    /// Its content is not legal.
    #[error("role [{role}] refused: {}", listed(.violations))]
    Content {
        /// The name of the role.
        role: RoleName,
        /// Everything that speaks against it.
        violations: Vec<RoleViolation>,
    },
    /// A query of it cannot be read.
    #[error("role [{0}] refused: a query in it is not readable")]
    Query(RoleName),
}

impl RolesFile {
    /// The file at this path, in which these names mean nothing.
    pub const fn new(path: PathBuf, reserved: ReservedRoles, json: JsonText) -> Self {
        Self { files: Files::new([path]), reserved, json }
    }

    /// Reads the file again if it has changed since the last call; the roles that count from now
    /// on, or none where those from before still do.
    ///
    /// To be called every few seconds, off the threads that serve requests: it blocks on the file
    /// system. A file that is missing holds no role. One that cannot be read changes nothing.
    pub fn reload_if_changed(&self, now: Timestamp) -> Option<Vec<RoleDescriptor>> {
        let [content] = self.files.read_if_changed(now)?;
        let [path] = self.files.paths();
        let path = path.display();
        let text = match content {
            Content::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned()),
            Content::Missing => Ok(String::new()),
            Content::Unreadable(error) => Err(error),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%path, error, "cannot read the file; its roles stay as they were");
                return None;
            }
        };
        let FileRoles { roles, problems } = parse(&text, &self.reserved, &self.json);
        for problem in &problems {
            match problem.reason {
                Reason::Reserved(_) | Reason::Repeated(_) => {
                    tracing::warn!(%path, %problem, "left out a role");
                }
                _ => tracing::error!(%path, %problem, "left out a role"),
            }
        }
        tracing::info!(%path, roles = roles.len(), "read the roles file");
        Some(roles.into_values().collect())
    }
}

/// Reads the text of the file.
pub fn parse(text: &str, reserved: &ReservedRoles, json: &JsonText) -> FileRoles {
    let mut found = FileRoles::default();
    let mut lines: BTreeMap<RoleName, usize> = BTreeMap::new();
    for Segment { line, text } in segments(text) {
        match role(&text, line, reserved, json) {
            Ok(None) => {}
            Ok(Some(role)) => {
                let name = role.name.clone();
                if let Some(earlier) = lines.insert(name.clone(), line) {
                    let reason = Reason::Repeated(name.clone());
                    found.problems.push(Problem { line: earlier, reason });
                }
                found.roles.insert(name, role);
            }
            Err(reason) => found.problems.push(Problem { line, reason }),
        }
    }
    found
}

/// A line that is not indented, with those below it up to the next one.
struct Segment {
    /// The number of its first line, from 1.
    line: usize,
    text: String,
}

fn segments(text: &str) -> Vec<Segment> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut segments: Vec<Segment> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        // Its line stays, for the sake of numbers: a comment would end a text that goes on below.
        let text = if text.starts_with('#') { "" } else { text };
        let is_beginning = !text.is_empty() && !text.starts_with([' ', '\t']);
        if is_beginning || segments.is_empty() {
            segments.push(Segment { line, text: String::new() });
        }
        if let Some(segment) = segments.last_mut() {
            segment.text.push_str(text);
            segment.text.push('\n');
        }
    }
    segments
}

/// The role in a segment; none where it says nothing, as before the first name.
fn role(
    text: &str,
    line: usize,
    reserved: &ReservedRoles,
    json: &JsonText,
) -> Result<Option<RoleDescriptor>, Reason> {
    let above = line.saturating_sub(1);
    let value = yaml::read(text).map_err(|error| Reason::Yaml(error.below(above)))?;
    let map = match value {
        Value::Null => return Ok(None),
        Value::Map(map) => map,
        _ => return Err(Reason::Shape),
    };
    let mut members = map.members();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err(Reason::Shape);
    };
    let name = RoleName::new(name);
    if reserved.contains(name.as_str()) {
        return Err(Reason::Reserved(name));
    }
    // As through the API, a role cannot be restricted: only API keys can.
    let role = RoleDescriptor::from_role_request(&name, &without_old_fields(value));
    let role = role.map_err(Reason::Form)?;
    let violations = violations_of_file(&role);
    if !violations.is_empty() {
        return Err(Reason::Content { role: name, violations });
    }
    let remote = role.remote_indices.iter().map(|remote| &remote.grant);
    let mut grants = role.indices.iter().chain(remote);
    let is_tree = |text: &str| matches!((json.read)(text), Some(Value::Map(_)));
    let is_bad = |query: &Query| matches!(query, Query::Text(text) if !is_tree(text));
    if grants.any(|grant| grant.query.as_ref().is_some_and(is_bad)) {
        return Err(Reason::Query(name));
    }
    Ok(Some(role.settle_queries(|tree| (json.print)(&Value::Map(tree.clone())))))
}

/// The same with `fields` of an index entry, as they were written before `field_security`, in
/// their present form.
fn without_old_fields(value: &Value) -> Value {
    let Value::Map(role) = value else { return value.clone() };
    let renewed = role.members().map(|(member, value)| {
        let value = match (member, value) {
            ("indices" | "index", Value::List(grants)) => {
                Value::List(grants.iter().map(renewed_grant).collect())
            }
            _ => value.clone(),
        };
        (member.to_owned(), value)
    });
    Value::Map(renewed.collect())
}

fn renewed_grant(value: &Value) -> Value {
    let Value::Map(grant) = value else { return value.clone() };
    if grant.value(NEW_FIELDS).is_some() {
        return value.clone();
    }
    let renewed = grant.members().map(|(member, value)| {
        if member != OLD_FIELDS {
            return (member.to_owned(), value.clone());
        }
        let granted = match value {
            Value::Null | Value::Map(_) => value.clone(),
            Value::Text(_) => granted(Value::List(vec![value.clone()])),
            _ => granted(value.clone()),
        };
        (NEW_FIELDS.to_owned(), granted)
    });
    Value::Map(renewed.collect())
}

fn granted(fields: Value) -> Value {
    Value::Map([("grant".to_owned(), fields)].into_iter().collect())
}

fn with_cause(refusal: &RoleRefusal) -> String {
    match std::error::Error::source(refusal) {
        Some(cause) => format!("{refusal}: {cause}"),
        None => refusal.to_string(),
    }
}

fn listed(violations: &[RoleViolation]) -> String {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

const OLD_FIELDS: &str = "fields";
const NEW_FIELDS: &str = "field_security";

#[cfg(test)]
mod tests {
    use std::fs;

    use jeton_domain::value::Map;

    use super::*;

    const JSON: JsonText = JsonText {
        read: |text| text.starts_with('{').then(|| Value::Map(Map::new())),
        print: |value| match value {
            Value::Map(map) => format!("printed {}", map.len()),
            other => panic!("{other:?}"),
        },
    };

    fn parsed(text: &str) -> FileRoles {
        parse(text, &ReservedRoles::default(), &JSON)
    }

    fn names(roles: &FileRoles) -> Vec<&str> {
        roles.roles.keys().map(RoleName::as_str).collect()
    }

    #[track_caller]
    fn check_left_out(segment: &str, wanted: &str) {
        let text = format!("first:\n  cluster: [ all ]\n{segment}\n# end\nlast: {{}}\n");
        let found = parsed(&text);
        assert_eq!(names(&found), ["first", "last"], "{segment}");
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert!(
            matches!(problems.as_slice(), [one] if one.starts_with("line 3: ")),
            "{problems:?}"
        );
        assert!(problems[0].contains(wanted), "{problems:?}");
    }

    #[test]
    fn a_file_of_roles_is_read_whole() {
        let text = "# roles\n\nadmins:\n  cluster: [ all ]\n  indices:\n    - names: [ '*' ]\n      privileges: [ all ]\n      query: { term: { a: 1 } }\n      field_security: { grant: [ a ] }\n\n  # of two lines\n  run_as: [ 'jane' ]\n'quoted name': { cluster: [ monitor ], description: d }\nempty: {}\n";
        let found = parsed(text);
        assert_eq!(found.problems, []);
        assert_eq!(names(&found), ["admins", "empty", "quoted name"]);
        let admins = &found.roles["admins"];
        assert_eq!(admins.cluster, ["all"]);
        assert_eq!(admins.run_as, ["jane"]);
        assert_eq!(admins.indices[0].query, Some(Query::Text("printed 1".into())));
    }

    #[test]
    fn marks_and_comments_between_the_lines_of_roles_cost_none() {
        for text in [
            "\u{feff}---\r\na: {}\r\n...\r\nb:\r\n  description: d\r\n",
            "--- # roles\na: {}\n \t\nb:\n# x\n  description: d\n  # x\n",
            "a: {}\nb:\n  description: |-\n# x\n    d\n#x\n# x\n",
            "  a: {}\nb:\n  cluster: [ all,\n# x\n   monitor ]\n  description: \"\n# x\n   d\"\n",
        ] {
            let found = parsed(text);
            assert_eq!(found.problems, [], "{text:?}");
            assert_eq!(names(&found), ["a", "b"], "{text:?}");
            let description = found.roles["b"].description.as_deref();
            assert_eq!(description.map(str::trim), Some("d"), "{text:?}");
        }
    }

    /// Identity case 74.
    #[test]
    fn one_bad_role_never_costs_another() {
        check_left_out("bad:\n  clusters: [ all ]", "unexpected field [clusters]");
        check_left_out("bad:\n  restriction: { workflows: [] }", "unexpected field [restriction]");
        check_left_out("bad:\n  cluster: all", "expected a string array");
        check_left_out("bad:\n  cluster: [ bogus ]", "unknown cluster privilege [bogus]");
        check_left_out("bad: [", "not readable");
        check_left_out("bad: 'open", "not readable");
        check_left_out("bad:\n  cluster: &a [ all ]", "line 4, column 12: anchors and tags");
        check_left_out("bad:", "expected an object but found [VALUE_NULL] instead");
        check_left_out("just words", "expected one name");
        check_left_out("\u{a0}", "expected one name");
        check_left_out("bad:\n\tcluster: [ all ]", "line 4, column 2: tabs");
        check_left_out("{a: {}, b: {}}", "expected one name");
        check_left_out("' bad': {}", "Role names must be");
        check_left_out(&format!("bad: {{ description: '{}' }}", "d".repeat(1001)), "description");
        let grant = "bad:\n  indices:\n    - names: a\n      privileges: [ read ]\n      query: ";
        check_left_out(&format!("{grant}'nonsense'"), "a query in it");
    }

    #[test]
    fn a_reserved_name_is_left_out_unless_it_is_set_free() {
        check_left_out("viewer:\n  cluster: [ all ]", "role [viewer] is reserved");
        let narrowed = ReservedRoles::only(["superuser"]).unwrap();
        let found = parse("viewer: {}\nsuperuser: {}\n", &narrowed, &JSON);
        assert_eq!(names(&found), ["viewer"]);
    }

    #[test]
    fn the_later_definition_of_a_role_counts() {
        let found = parsed("a:\n  cluster: [ all ]\n---\na:\n  cluster: [ none ]\n");
        assert_eq!(found.roles["a"].cluster, ["none"]);
        assert_eq!(found.problems, [Problem { line: 1, reason: Reason::Repeated("a".into()) }]);
    }

    #[test]
    fn old_fields_of_an_index_entry_are_those_that_may_be_seen() {
        let grant = |fields: &str| {
            let text = format!(
                "r:\n  indices:\n    - names: a\n      privileges: [ read ]\n      fields: {fields}\n"
            );
            let found = parsed(&text);
            assert_eq!(found.problems, [], "{fields}");
            let fields = found.roles["r"].indices[0].field_security.clone();
            fields.map(|fields| (fields.grant.unwrap(), fields.except.unwrap_or_default()))
        };
        let some = |granted: &[&str], except: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
            Some((owned(granted), owned(except)))
        };
        assert_eq!(grant("[ a, b ]"), some(&["a", "b"], &[]));
        assert_eq!(grant("'*'"), some(&["*"], &[]));
        assert_eq!(grant("{ grant: [ a ], except: [ b ] }"), some(&["a"], &["b"]));
        assert_eq!(grant("~"), None);
        check_left_out(
            "bad:\n  indices:\n    - names: a\n      privileges: [ read ]\n      fields: [ a ]\n      field_security: { grant: [ a ] }",
            "unexpected field [fields]",
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_keeps_the_roles_and_one_that_is_gone_does_not() {
        let late = Timestamp::from_ms(i64::MAX);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("roles.yml");
        let file = RolesFile::new(path.clone(), ReservedRoles::default(), JSON);
        assert_eq!(file.reload_if_changed(late), Some(Vec::new()));
        fs::write(&path, "a: {}\n").unwrap();
        assert_eq!(file.reload_if_changed(late).unwrap().len(), 1);
        assert_eq!(file.reload_if_changed(late), None);
        fs::write(&path, b"a: {}\nb\xff: {}\n").unwrap();
        assert_eq!(file.reload_if_changed(late), None);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(file.reload_if_changed(late), None);
        fs::remove_dir(&path).unwrap();
        assert_eq!(file.reload_if_changed(late), Some(Vec::new()));
    }
}
