//! What is read as a role mapping, how it prints, and the roles it gives.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::refusal::{FormRefusal, MappingRefusal, TemplateFailure};
use super::role_mapping::RoleMapping;
use super::testing::{JSON, user, value};
use crate::name::MappingName;

fn read(text: &str) -> Result<RoleMapping, MappingRefusal> {
    RoleMapping::from_request(&MappingName::new("m"), &value(text), &JSON)
}

#[track_caller]
fn check_violations(text: &str, wanted: &[&str]) {
    let Err(MappingRefusal::Invalid(violations)) = read(text) else {
        panic!("{text} is not refused as invalid");
    };
    let violations: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(violations, wanted);
}

#[track_caller]
fn check_form(text: &str, wanted: &str) {
    let refused = read(text).unwrap_err();
    assert_eq!(refused.to_string(), wanted);
    assert!(matches!(refused, MappingRefusal::Form(_)), "{refused:?}");
}

/// Identity case 46.
#[test]
fn a_mapping_must_say_what_it_gives_to_whom_and_whether() {
    let check = |text: &str, field: &str| {
        let refused = read(text).unwrap_err();
        assert!(matches!(refused, MappingRefusal::MissingField { .. }), "{refused:?}");
        let wanted = alloc::format!("failed to parse role-mapping [m]. missing field [{field}]");
        assert_eq!(refused.to_string(), wanted);
    };
    check(r#"{"roles":["r"],"rules":{"all":[]}}"#, "enabled");
    check(r#"{"enabled":true,"rules":{"all":[]}}"#, "roles");
    check(r#"{"enabled":true,"roles":["r"]}"#, "rules");
    check(r#"{"enabled":true,"role_templates":[]}"#, "rules");
    check("{}", "roles");
}

#[test]
fn a_mapping_gives_either_roles_or_templates() {
    let rest = r#""enabled":true,"rules":{"all":[]}"#;
    let template = r#"[{"template":{"source":"a"}}]"#;
    check_violations(
        &alloc::format!(r#"{{"roles":[],"role_templates":[],{rest}}}"#),
        &["role-mapping roles or role-templates are missing"],
    );
    check_violations(
        &alloc::format!(r#"{{"roles":["a"],"role_templates":{template},{rest}}}"#),
        &["role-mapping cannot have both roles and role-templates"],
    );
    check_violations(
        &alloc::format!(r#"{{"roles":[],"metadata":{{"_a":1}},{rest}}}"#),
        &[
            "role-mapping roles or role-templates are missing",
            "metadata keys may not start with [_]",
        ],
    );
    let refused = read(&alloc::format!(r#"{{"roles":["a "],{rest}}}"#)).unwrap_err();
    let MappingRefusal::Invalid(violations) = refused else {
        panic!("{refused:?}");
    };
    let text = violations[0].to_string();
    assert!(text.starts_with("Role names must be at least 1 and no more than 1024 "), "{text}");
    assert!(read(&alloc::format!(r#"{{"roles":["a"],"role_templates":[],{rest}}}"#)).is_ok());
}

#[test]
fn the_form_of_a_mapping_is_checked() {
    check_form("[]", "[role-mapping] Expected START_OBJECT but was: START_ARRAY");
    check_form(r#"{"run_as":["a"]}"#, "[role-mapping] unknown field [run_as]");
    check_form(
        r#"{"roles":7}"#,
        "[role-mapping] roles doesn't support values of type: VALUE_NUMBER",
    );
    check_form(
        r#"{"roles":[null]}"#,
        "[role-mapping] roles doesn't support values of type: VALUE_NULL",
    );
    check_form(
        r#"{"metadata":[]}"#,
        "[role-mapping] metadata doesn't support values of type: START_ARRAY",
    );
    check_form(
        r#"{"enabled":1}"#,
        "[role-mapping] enabled doesn't support values of type: VALUE_NUMBER",
    );
    check_form(
        r#"{"enabled":"yes"}"#,
        "Failed to parse value [yes] as only [true] or [false] are allowed.",
    );
    check_form(
        r#"{"role_templates":["a"]}"#,
        "[role-mapping] role_templates doesn't support values of type: VALUE_STRING",
    );
}

#[test]
fn errors_in_rules_name_the_mapping() {
    let refused = read(r#"{"enabled":true,"roles":["a"],"rules":{"except":{}}}"#).unwrap_err();
    assert!(matches!(refused, MappingRefusal::Rules(_)), "{refused:?}");
    let wanted = "failed to parse rules expression. field [except] is not allowed within [m]";
    assert_eq!(refused.to_string(), wanted);
}

/// Identity case 54.
#[test]
fn a_mapping_prints_its_members_in_order_and_templates_as_text() {
    let printed = |text: &str| (JSON.print)(&read(text).unwrap().to_value());
    assert_eq!(
        printed(
            r#"{"metadata":{"a":1},"rules":{"field":{"username":["*"]}},"roles":"r","enabled":"true"}"#
        ),
        r#"{"enabled":true,"roles":["r"],"rules":{"field":{"username":"*"}},"metadata":{"a":1}}"#
    );
    let templated = printed(
        r#"{"enabled":false,"role_templates":{"template":{"source":"{{username}}"}},"rules":{"all":[]}}"#,
    );
    assert_eq!(
        templated,
        r#"{"enabled":false,"role_templates":[{"template":"{\"source\":\"{{username}}\"}","format":"string"}],"rules":{"all":[]},"metadata":{}}"#
    );
    assert_eq!(printed(&templated), templated);
}

#[test]
fn a_mapping_gives_its_roles_to_whoever_fits_while_it_is_enabled() {
    let check = |text: &str, wanted: &[&str]| {
        let mapping = read(text).unwrap();
        let roles = mapping.roles_of(&user("ann", &["g"], "{}"), &JSON).unwrap();
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        assert_eq!(roles, wanted);
    };
    check(r#"{"enabled":true,"roles":["a","b"],"rules":{"all":[]}}"#, &["a", "b"]);
    check(r#"{"enabled":true,"roles":["a","b"],"rules":{"any":[]}}"#, &[]);
    check(r#"{"enabled":false,"roles":["a","b"],"rules":{"all":[]}}"#, &[]);
    check(
        r#"{"enabled":true,"role_templates":[{"template":{"source":"_{{username}}"}},{"template":{"source":"b"}}],"rules":{"all":[]}}"#,
        &["_ann", "b"],
    );
}

#[test]
fn all_templates_of_a_mapping_are_bounded_together() {
    let mapping = |template: &str, count: usize| {
        let templates = alloc::vec![template; count].join(",");
        let rest = r#""enabled":true,"rules":{"all":[]}"#;
        read(&alloc::format!(r#"{{"role_templates":[{templates}],{rest}}}"#))
    };
    assert!(mapping(r#"{"template":{"source":"a"}}"#, 100).is_ok());
    let Err(MappingRefusal::Invalid(refused)) = mapping(r#"{"template":{"source":"a"}}"#, 101)
    else {
        panic!("101 templates are not refused as invalid");
    };
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused, ["role-mapping cannot have more than [100] role-templates"]);
    let many = r#"{"template":{"source":"{{#g}}{{#g}}{{#g}}{{x}}{{/g}}{{/g}}{{/g}}","params":{"g":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}}}"#;
    assert!(mapping(many, 1).is_ok());
    assert_eq!(
        mapping(many, 20).unwrap_err(),
        MappingRefusal::Template(TemplateFailure::TooManySteps.into())
    );
    let known = r#"{"template":{"source":"{{#groups}}{{#groups}}{{x}}{{/groups}}{{/groups}}"}}"#;
    let groups = ["g"; 100];
    let roles = |count| mapping(known, count).unwrap().roles_of(&user("u", &groups, "{}"), &JSON);
    assert!(roles(1).is_ok());
    assert_eq!(roles(20), Err(TemplateFailure::TooManySteps.into()));
}

#[test]
fn a_template_that_cannot_be_used_refuses_the_mapping() {
    let text =
        r#"{"enabled":true,"role_templates":[{"template":{"source":"{{"}}],"rules":{"all":[]}}"#;
    let refused = read(text).unwrap_err();
    assert!(matches!(refused, MappingRefusal::Template(_)), "{refused:?}");
    assert_eq!(refused.to_string(), "compile error: improperly closed variable []");
    let form: FormRefusal = FormRefusal::Missing("template");
    assert_eq!(form.to_string(), "Required [template]");
}
