//! Templates of roles: those that are accepted render for every user, in bounded time and space.
//!
//! An input is a format, a newline and the source.
#![no_main]

use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::name::MappingName;
use jeton_domain::value::{Map, Value};
use jeton_fuzz::json::{JSON, print};
use jeton_fuzz::mapped::users;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (format, source) = input.split_once('\n').unwrap_or(("string", input));
    let Ok(mapping) = mapping(source, format) else { return };
    let [template] = mapping.templates.as_slice() else { panic!("one template") };
    let printed = template.to_value();
    assert!(print(&printed).contains("source"), "the script is shown");
    for user in users() {
        let roles = template.roles_of(&user, &JSON);
        assert_eq!(template.roles_of(&user, &JSON), roles, "the same each time");
        let is_plain = !source.contains("{{");
        if let (true, "string", Ok(roles)) = (is_plain, format, &roles) {
            let [role] = roles.as_slice() else { panic!("one role") };
            assert_eq!(role.as_str(), source, "without tags a text is itself");
        }
    }
});

fn mapping(source: &str, format: &str) -> Result<RoleMapping, impl std::fmt::Display> {
    let text = |text: &str| Value::Text(text.to_owned());
    let template =
        object([("template", object([("source", text(source))])), ("format", text(format))]);
    let body = object([
        ("enabled", Value::Bool(true)),
        ("role_templates", Value::List(vec![template])),
        ("rules", object([("all", Value::List(Vec::new()))])),
    ]);
    RoleMapping::from_request(&MappingName::new("m"), &body, &JSON)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
}
