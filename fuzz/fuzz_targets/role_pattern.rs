//! Patterns of names in roles, wildcards and regular expressions alike: small work, no surprise.
#![no_main]

use jeton_domain::role::pattern::NamePattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (pattern, name) = input.split_once('\n').unwrap_or((input, "a-name"));
    let Ok(parsed) = NamePattern::parse(pattern) else {
        assert!(pattern.starts_with('/'), "only a regular expression can be refused");
        return;
    };
    let fits = parsed.matches(name);
    assert_eq!(NamePattern::parse(pattern).unwrap().matches(name), fits);
    if !pattern.contains(['*', '?', '\\', '/']) {
        assert_eq!(fits, pattern == name, "without operators a pattern is a name");
    }
    if pattern == "*" {
        assert!(fits);
    }
});
