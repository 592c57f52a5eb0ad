//! What templates are read, and the roles they give.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::model::MappedUser;
use super::mustache::{Escaping, Mustache};
use super::refusal::{MustacheRefusal, TemplateFailure, TemplateRefusal};
use super::render::Steps;
use super::template::RoleTemplate;
use super::testing::{JSON, user, user_of, value};
use crate::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX};
use crate::value::{Map, Value};

fn template(text: &str) -> Result<RoleTemplate, TemplateRefusal> {
    let Value::Map(map) = value(text) else {
        panic!("{text} is no object");
    };
    RoleTemplate::from_map(&map, &JSON, &Steps::default())
}

fn ann() -> MappedUser {
    let metadata = r#"{"team":"x y","n":3,"a.b":"dotted","m":{"k":["1","2"]},"no":false,"nil":null,"teams":[{"id":"1"},{"id":"2"}]}"#;
    user_of("ann", Some("cn=\"ann\""), &["g1", "g,2"], metadata)
}

/// Renders the source for the user, without escapes.
fn rendered(source: &str) -> String {
    let variables = Value::Map(ann().over(Map::new()));
    rendered_with(source, &variables, Escaping::Plain).unwrap()
}

fn rendered_with(
    source: &str,
    variables: &Value,
    escaping: Escaping,
) -> Result<String, TemplateFailure> {
    Mustache::compile(source).unwrap().render(variables, escaping, &JSON, &Steps::default())
}

#[track_caller]
fn check(source: &str, wanted: &str) {
    assert_eq!(rendered(source), wanted, "{source}");
}

#[track_caller]
fn check_refused(source: &str, wanted: &str) {
    assert_eq!(Mustache::compile(source).unwrap_err().to_string(), wanted, "{source}");
}

fn roles(text: &str, user: &MappedUser) -> Result<Vec<String>, TemplateFailure> {
    let roles = template(text).unwrap().roles_of(user, &JSON)?;
    Ok(roles.iter().map(ToString::to_string).collect())
}

#[test]
fn variables_stand_for_what_is_known_of_the_user() {
    check("{{username}}-{{ realm.name }}", "ann-ldap1");
    check("{{metadata.team}} {{metadata.a.b}} {{metadata.m.k.1}}", "x y dotted 2");
    check("{{groups.0}} {{groups.size}} {{groups}}", "g1 2 [g1, g,2]");
    check("{{metadata.m}} {{metadata.n}} {{metadata.no}}", "{k=[1, 2]} 3 false");
    check("[{{other}}{{metadata.other.x}}{{metadata.nil}}{{groups.7}}{{username.x}}]", "[]");
    check("{ {{! gone }}}", "{ }");
}

#[test]
fn values_are_escaped_as_the_kind_of_text_demands() {
    let check = |source: &str, escaping: Escaping, wanted: &str| {
        let variables = Value::Map(ann().over(Map::new()));
        assert_eq!(rendered_with(source, &variables, escaping).unwrap(), wanted);
    };
    check("{{dn}} {{{dn}}} {{&dn}}", Escaping::Json, "cn=\\\"ann\\\" cn=\"ann\" cn=\"ann\"");
    check("{{dn}}", Escaping::Plain, "cn=\"ann\"");
    check("{{dn}}", Escaping::Url, "cn%3D%22ann%22");
}

#[test]
fn sections_render_for_each_item_or_not_at_all() {
    check("{{#groups}}<{{.}}>{{/groups}}", "<g1><g,2>");
    check("{{#metadata.teams}}{{id}}{{username}} {{/metadata.teams}}", "1ann 2ann ");
    check("{{#metadata.m}}{{#k}}{{.}}{{/k}}{{/metadata.m}}", "12");
    check("{{#username}}{{.}}!{{/username}}", "ann!");
    check("{{#metadata.no}}a{{/metadata.no}}{{^metadata.no}}b{{/metadata.no}}", "b");
    check("{{#metadata.nil}}a{{/metadata.nil}}{{^metadata.nil}}b{{/metadata.nil}}", "b");
    check("{{#other}}a{{/other}}{{^other}}b{{/other}}", "b");
    check("{{^groups}}none{{/groups}}", "");
    check("{{#groups.size}}some{{/groups.size}}", "some");
}

#[test]
fn functions_print_json_join_and_encode() {
    check("{{#tojson}}groups{{/tojson}}", r#"["g1","g,2"]"#);
    check("{{#toJson}}metadata.m{{/toJson}}", r#"{"k":["1","2"]}"#);
    check("{{#tojson}}username{{/tojson}}{{#tojson}}other{{/tojson}}", "ann");
    check("{{#join}}groups{{/join}}", "g1,g,2");
    check("{{#join delimiter='||'}}groups{{/join delimiter='||'}}", "g1||g,2");
    check("{{#join}}username{{/join}}{{#join}}other{{/join}}", "ann");
    check("{{#url}}a b/{{metadata.team}}{{/url}}", "a+b%2Fx+y");
}

#[test]
fn delimiters_can_be_changed() {
    check("{{=<% %>=}}<%username%>{{username}}<%={{ }}=%>{{username}}", "ann{{username}}ann");
    check_refused("{{=<%=}}", "invalid delimiters [<%]");
    check_refused("{{== ==}}", "invalid delimiters [= =]");
}

#[test]
fn a_tag_that_shows_nothing_takes_its_line_with_it() {
    check("a\n  {{! gone }}  \nb", "a\nb");
    check("{{#groups}}\n{{.}}\n{{/groups}}\n", "g1\ng,2\n");
    check("a\r\n{{#username}}\r\nb\r\n{{/username}}\r\nc", "a\r\nb\r\nc");
    check(" {{#username}} {{/username}}\n", "  \n");
    check("{{username}} {{! gone }}\n", "ann \n");
    check("  {{=<% %>=}}\n<%username%>", "ann");
    check("a\n {{^other}}\n {{/other}}", "a\n");
}

#[test]
fn a_source_that_cannot_be_read_is_refused() {
    check_refused("a {{username", "improperly closed variable [username]");
    check_refused("{{{username}}", "improperly closed variable [username}}]");
    check_refused("{{}}", "empty tag");
    check_refused("{{# }}", "empty tag");
    check_refused("{{#a}}", "failed to close [a] tag");
    check_refused("{{#a}}{{/b}}", "mismatched start and end tags: [a] and [b]");
    check_refused("{{/b}}", "mismatched start and end tags: [] and [b]");
    check_refused("{{> part}}", "tags like [> part] are not supported");
    check_refused(
        "{{#tojson}}{{groups}}{{/tojson}}",
        "mustache function [tojson] must contain one and only one identifier",
    );
    check_refused(
        "{{#join}}{{/join}}",
        "mustache function [join] must contain one and only one identifier",
    );
    let deep = |depth: usize| "{{#a}}".repeat(depth) + &"{{/a}}".repeat(depth);
    assert!(Mustache::compile(&deep(TEMPLATE_DEPTH_MAX)).is_ok());
    assert_eq!(Mustache::compile(&deep(TEMPLATE_DEPTH_MAX + 1)), Err(MustacheRefusal::TooDeep));
    assert_eq!(
        Mustache::compile(&"a".repeat(TEMPLATE_BYTES_MAX + 1)),
        Err(MustacheRefusal::TooLong)
    );
}

#[test]
fn rendering_is_bounded() {
    let many: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let failure = |source: &str| {
        let variables = Value::Map(user("u", &many, "{}").over(Map::new()));
        rendered_with(source, &variables, Escaping::Json).unwrap_err()
    };
    let nested = |inner: &str| "{{#groups}}".repeat(4) + inner + &"{{/groups}}".repeat(4);
    assert_eq!(failure(&nested("{{other}}")), TemplateFailure::TooManySteps);
    let inner = "{{#groups}}{{#groups}}{{other}}{{/groups}}{{/groups}}";
    let wide = (0..10_000).map(|number| (number.to_string(), Value::Null));
    let wide = Value::Map(user("u", &many, "{}").over(wide.collect()));
    let searching = "{{#.}}".repeat(30) + inner + &"{{/.}}".repeat(30);
    let searched = rendered_with(&searching, &wide, Escaping::Json);
    assert_eq!(searched, Err(TemplateFailure::TooManySteps));
    assert_eq!(failure(&nested(&"long".repeat(100))), TemplateFailure::TooLong);
    assert_eq!(failure(&"{{#tojson}}groups{{/tojson}}".repeat(600)), TemplateFailure::TooLong);
}

#[test]
fn what_renders_no_text_is_bounded_too() {
    let items = |count: usize, item: &Value| Value::List(alloc::vec![item.clone(); count]);
    let lists = [("few", items(40, &Value::Bool(true))), ("many", items(10_000, &Value::Null))];
    let lists = lists.into_iter().map(|(name, list)| (name.into(), list));
    let lists = Value::Map(lists.collect());
    let check = |inner: &str| {
        let source = ["{{#few}}{{#few}}", inner, "{{/few}}{{/few}}"].concat();
        let failure = rendered_with(&source, &lists, Escaping::Json);
        assert_eq!(failure, Err(TemplateFailure::TooManySteps), "{inner:.20}");
    };
    check("{{#many}}{{/many}}");
    check("{{#join delimiter=''}}many{{/join delimiter=''}}");
    let long = "0".repeat(60_000);
    check(&["{{", &long, "}}"].concat());
    check(&["{{few.", &long, "}}"].concat());
}

/// Identity case 53.
#[test]
fn a_template_that_prints_groups_as_json_gives_each_as_a_role() {
    let text = r#"{"format":"json","template":{"source":"{{#tojson}}groups{{/tojson}}"}}"#;
    assert_eq!(roles(text, &ann()).unwrap(), ["g1", "g,2"]);
    assert_eq!(roles(text, &user("u", &[], "{}")).unwrap(), [""; 0]);
}

#[test]
fn a_template_gives_the_roles_that_its_format_says() {
    let given = |format: &str, source: &str| {
        let text = (JSON.print)(&Value::Text(source.into()));
        roles(&alloc::format!(r#"{{"format":"{format}","template":{{"source":{text}}}}}"#), &ann())
    };
    assert_eq!(given("string", "[\"a\"]").unwrap(), ["[\"a\"]"]);
    assert_eq!(given("JSON", "\"{{username}}\"").unwrap(), ["ann"]);
    assert_eq!(given("json", "[\"a\",null,\"b\"]").unwrap(), ["a", "b"]);
    let refused = |source: &str| given("json", source).unwrap_err().to_string();
    assert_eq!(
        refused("{}"),
        "Roles template must generate a string or an array of strings, but found [START_OBJECT]"
    );
    assert_eq!(
        refused("null"),
        "Roles template must generate a string or an array of strings, but found [VALUE_NULL]"
    );
    assert_eq!(
        refused("[\"a\",1]"),
        "Roles array may only contain strings but found [VALUE_NUMBER]"
    );
    assert_eq!(refused("{{username}}"), "Roles template must generate JSON");
}

#[test]
fn a_script_may_be_text_and_its_source_an_object() {
    let text = r#"{"template":"{\"source\":\"{{username}}\"}"}"#;
    assert_eq!(roles(text, &ann()).unwrap(), ["ann"]);
    let object = r#"{"template":{"source":{"a":"{{username}}"},"lang":"mustache"}}"#;
    assert_eq!(roles(object, &ann()).unwrap(), [r#"{"a":"ann"}"#]);
    let options = r#"{"template":{"source":"{{dn}}","options":{"content_type":"text/plain"}}}"#;
    assert_eq!(roles(options, &ann()).unwrap(), ["cn=\"ann\""]);
}

#[test]
fn what_is_known_of_the_user_wins_over_parameters() {
    let text = r#"{"template":{"source":"{{p}} {{username}}","params":{"p":"a","username":"b"}}}"#;
    assert_eq!(roles(text, &ann()).unwrap(), ["a ann"]);
}

#[test]
fn a_script_that_cannot_be_used_is_refused() {
    let refused = |text: &str| template(text).unwrap_err().to_string();
    assert_eq!(refused("{}"), "Required [template]");
    assert_eq!(refused(r#"{"x":1}"#), "[role-mapping-template] unknown field [x]");
    assert_eq!(
        refused(r#"{"template":7}"#),
        "[role-mapping-template] template doesn't support values of type: VALUE_NUMBER"
    );
    assert_eq!(
        refused(r#"{"template":{},"format":"xml"}"#),
        "Invalid format [xml] expected one of [json,string]"
    );
    assert_eq!(refused(r#"{"template":"{"}"#), "the template is not a JSON object");
    assert_eq!(refused(r#"{"template":"\"a\""}"#), "the template is not a JSON object");
    let neither = "must specify either [source] for an inline script or [id] for a stored script";
    assert_eq!(refused(r#"{"template":{}}"#), neither);
    assert_eq!(refused(r#"{"template":{"source":"a","id":"b"}}"#), neither);
    assert_eq!(
        refused(r#"{"template":{"id":"b"}}"#),
        "unable to find script [b]: scripts are not stored here, give the [source] instead"
    );
    assert_eq!(
        refused(r#"{"template":{"source":"a","lang":"painless"}}"#),
        "script_lang not supported [painless]"
    );
    assert_eq!(
        refused(r#"{"template":{"source":"a","options":{"x":"y"}}}"#),
        "illegal compiler options [x] specified"
    );
    assert_eq!(refused(r#"{"template":{"source":"a","b":1}}"#), "[script] unknown field [b]");
    assert_eq!(
        refused(r#"{"template":{"source":"a","params":[]}}"#),
        "[script] params doesn't support values of type: START_ARRAY"
    );
    assert_eq!(
        refused(r#"{"template":{"source":"{{#a}}"}}"#),
        "compile error: failed to close [a] tag"
    );
}

proptest! {
    #[test]
    fn text_without_tags_is_rendered_as_it_stands(source in "[a-z{}\\n ]{0,20}") {
        prop_assume!(!source.contains("{{"));
        prop_assert_eq!(rendered(&source), source);
    }

    #[test]
    fn no_source_is_too_odd_to_be_read(source in any::<String>()) {
        if let Ok(template) = Mustache::compile(&source) {
            let text = template.render(&Value::Map(Map::new()), Escaping::Json, &JSON, &Steps::default());
            prop_assert!(text.is_ok(), "{:?}", text);
        }
    }

    #[test]
    fn tags_in_any_order_are_safe(
        source in "(\\{\\{[#^/&!=>{]?(groups|metadata.teams|id|\\.|join|tojson|url)?\\}?\\}\\}|[ \na=]){0,9}",
    ) {
        if let Ok(template) = Mustache::compile(&source) {
            let variables = Value::Map(ann().over(Map::new()));
            let text = template.render(&variables, Escaping::Json, &JSON, &Steps::default());
            prop_assert!(text.is_ok(), "{:?}", text);
        }
    }
}
