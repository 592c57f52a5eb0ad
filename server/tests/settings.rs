//! Settings: names, precedence, ranges, refusals, and what is printed from the table.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::path::Path;
use std::time::Duration;

use jeton::settings::{
    ClientAuthentication, RealmKind, Settings, Sources, effective_text, sample, schema,
};

fn parse_with(text: &str, overrides: &[&str]) -> Result<Settings, String> {
    let sources = Sources {
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..Sources::default()
    };
    let environment = |name: &str| (name == "NAME").then(|| "from-environment".to_owned());
    Settings::parse(text, Path::new("/etc/jeton"), &sources, &environment)
        .map_err(|errors| errors.to_string())
}

fn parse(text: &str) -> Settings {
    parse_with(text, &[]).unwrap()
}

fn refusal(text: &str) -> String {
    parse_with(text, &[]).unwrap_err()
}

#[test]
fn an_empty_file_gives_safe_defaults() {
    let settings = parse("");
    assert_eq!(settings.http.hosts, ["127.0.0.1"]);
    assert_eq!((settings.http.ports.first, settings.http.ports.last), (9200, 9200));
    assert!(settings.http.tls.is_none() && settings.http.compression);
    assert!(settings.token.enabled);
    assert_eq!(settings.token.lifetime, Duration::from_mins(20));
    assert_eq!(settings.token.delete_interval, Duration::from_mins(30));
    assert_eq!(settings.token.delete_timeout, None);
    assert_eq!(settings.data, Path::new("./jeton-data"));
    assert_eq!(settings.keys_file, Path::new("/etc/jeton/token.keys"));
    assert_eq!(settings.cache_bytes, 256 << 20);
    assert!(settings.anonymous.is_none() && settings.reserved_realm);
    let names: Vec<&str> = settings.realms.iter().map(|realm| realm.name.as_str()).collect();
    assert_eq!(names, ["default_file", "default_native"]);
    assert!(settings.notices.is_empty());
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = "xpack.security.authc:\n  token.timeout: 5m\nhttp.port: 9300\n";
    let settings = parse_with(text, &["http.port=0", "cluster.name=a=b"]).unwrap();
    assert_eq!(settings.token.lifetime, Duration::from_mins(5));
    assert_eq!(settings.http.ports.first, 0);
    assert_eq!(settings.cluster_name, "a=b");
    assert!(parse_with("", &["http.port"]).is_err());
}

#[test]
fn a_token_timeout_out_of_range_refuses_to_start_in_the_words_of_the_wire() {
    for (value, end) in [("61m", "must be <= [1h]"), ("999ms", "must be >= [1s]")] {
        let text = format!("xpack.security.authc.token.timeout: {value}");
        assert_eq!(
            refusal(&text),
            format!(
                "failed to parse value [{value}] for setting \
                 [xpack.security.authc.token.timeout], {end}"
            )
        );
    }
    for value in ["1s", "1h", "60m", "3600s"] {
        parse(&format!("xpack.security.authc.token.timeout: {value}"));
    }
}

#[test]
fn unknown_names_are_refused_with_a_suggestion_and_without_their_value() {
    assert_eq!(
        refusal("xpack.security.authc.token.timout: hunter2"),
        "unknown setting [xpack.security.authc.token.timout], did you mean \
         [xpack.security.authc.token.timeout]?"
    );
    assert_eq!(refusal("bananas: hunter2"), "unknown setting [bananas]");
    assert!(!refusal("bootstrap.password: hunter2").contains("hunter2"));
    assert!(!refusal("xpack.security.http.ssl.key_passphrase: hunter2").contains("hunter2"));
    let argument = parse_with("", &["=hunter2"]).unwrap_err();
    assert!(!argument.contains("hunter2"), "{argument}");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let errors = refusal("bananas: 1\nhttp.port: x\nhttp.compression: yes\nnode.name: ~x\n");
    assert_eq!(errors.lines().count(), 3, "{errors}");
}

#[test]
fn names_that_mean_nothing_here_are_accepted_and_reported_once() {
    let text = "xpack.security.enabled: true\nnode.roles: [master]\n\
                xpack.security.transport.ssl:\n  enabled: true\n  keystore.path: x\n\
                discovery.type: single-node\nxpack.security.http.ssl.verification_mode: full\nxpack.security.enrollment.enabled: true\n";
    let notices = parse(text).notices;
    assert_eq!(notices.len(), 7, "{notices:?}");
    assert!(notices.contains(&"setting [node.roles] has no effect here".to_owned()));
}

#[test]
fn security_cannot_be_switched_off() {
    assert!(refusal("xpack.security.enabled: false").contains("cannot be switched off"));
}

#[test]
fn the_environment_is_put_in_place_of_its_names() {
    assert_eq!(parse("node.name: x-${NAME}-y").node_name, "x-from-environment-y");
    assert_eq!(parse("node.name: ${OTHER:fallback}").node_name, "fallback");
    assert!(refusal("node.name: ${OTHER}").contains("[OTHER]"));
    assert_eq!(parse("node.name: 'a${'").node_name, "a${");
}

#[test]
fn plaintext_beyond_loopback_is_refused_unless_allowed() {
    for host in ["0.0.0.0", "192.168.1.1", "'::'", "example.org"] {
        let text = format!("http.host: {host}\n");
        assert!(refusal(&text).contains("without TLS"), "{host}");
        parse(&format!("{text}jeton.http.allow_plaintext: true\n"));
    }
    for host in ["127.0.0.1", "'::1'", "localhost", "_local_", "127.0.0.2"] {
        parse(&format!("http.host: {host}"));
    }
    assert!(refusal("network.host: _site_").contains("expected [_local_]"));
    assert!(refusal("http.host: []").contains("must not be empty"));
}

#[test]
fn tls_needs_its_files_and_finds_them_beside_the_settings() {
    let on = "xpack.security.http.ssl:\n  enabled: true\n";
    assert!(refusal(on).contains("[xpack.security.http.ssl.certificate]"));
    let text = format!("{on}  certificate: c.pem\n  key: /k.pem\n");
    let http = parse(&text).http;
    assert!(!http.compression);
    let tls = http.tls.unwrap();
    assert_eq!(tls.certificate, Path::new("/etc/jeton/c.pem"));
    assert_eq!(tls.key, Path::new("/k.pem"));
    assert_eq!(tls.client_authentication, ClientAuthentication::None);
    let asked = format!("{text}  client_authentication: required\n");
    assert!(refusal(&asked).contains("certificate_authorities"));
    assert!(refusal("xpack.security.http.ssl.keystore.path: x").contains("PEM"));
}

#[test]
fn a_configured_realm_replaces_the_implicit_one_of_its_type() {
    let text = "xpack.security.authc.realms:\n  file.saml1:\n    order: 3\n    cache.ttl: 0\n    \
                files.users: other\n  native.n1.order: 1\n";
    let realms = parse(text).realms;
    let names: Vec<&str> = realms.iter().map(|realm| realm.name.as_str()).collect();
    assert_eq!(names, ["n1", "saml1"]);
    assert_eq!(realms[1].cache, None);
    assert_eq!(
        realms[1].kind,
        RealmKind::File {
            users: "/etc/jeton/other".into(),
            users_roles: "/etc/jeton/users_roles".into()
        }
    );
}

/// Identity case 79. As far as the settings go.
#[test]
fn a_realm_that_is_switched_off_needs_no_order_and_is_not_replaced() {
    let settings = parse("xpack.security.authc.realms.native.n1.enabled: false");
    // Tokens of its users may still live.
    assert_eq!(settings.native_realm, "n1");
    assert_eq!(parse("").native_realm, "default_native");
    let realms = settings.realms;
    let names: Vec<&str> = realms.iter().map(|realm| realm.name.as_str()).collect();
    assert_eq!(names, ["default_file"]);
}

/// Identity case 77.
#[test]
fn realms_that_cannot_stand_together_refuse_to_start() {
    let prefix = "xpack.security.authc.realms";
    for (realms, expected) in [
        (
            "file.a.order: 1\n  native.b.order: 1",
            "Found multiple realms configured with the same order: 1: [file.a, native.b]",
        ),
        (
            "file.a.order: 1\n  native.a.order: 2",
            "Found multiple realms configured with the same name: a: [file.a, native.a]",
        ),
        (
            "file.a.order: 1\n  file.b.order: 2",
            "multiple [file] realms are configured. [file] is an internal realm and therefore \
             there can only be one such realm configured",
        ),
        ("magic.m.order: 1", "unknown realm type [magic] for realm [magic.m]"),
        ("magic.m.wand: x", "unknown realm type [magic] for realm [magic.m]"),
        ("file.a.cache.ttl: 1m", "realm [file.a] needs the setting [order]"),
    ] {
        assert_eq!(refusal(&format!("{prefix}:\n  {realms}\n")), expected);
    }
}

#[test]
fn a_realm_of_a_later_type_is_accepted_only_when_switched_off() {
    let saml = "xpack.security.authc.realms.saml.saml1:\n  order: 2\n  idp.metadata.path: x\n";
    assert!(refusal(saml).contains("realm type [saml] of realm [saml.saml1] is not supported"));
    parse(&format!("{saml}  enabled: false\n"));
}

#[test]
fn anonymous_access_is_on_when_it_has_roles() {
    assert!(parse("xpack.security.authc.anonymous.username: x").anonymous.is_none());
    let anonymous = parse("xpack.security.authc.anonymous.roles: a, b").anonymous.unwrap();
    assert_eq!(anonymous.roles, ["a", "b"]);
    assert_eq!(anonymous.username, "_anonymous");
    assert!(anonymous.authz_exception);
}

#[test]
fn anonymous_names_that_cannot_be_are_refused() {
    let prefix = "xpack.security.authc.anonymous";
    for name in ["elastic", "_system", "_xpack", "' a'", "\u{e9}"] {
        let text = format!("{prefix}:\n  username: {name}\n  roles: r\n");
        assert!(refusal(&text).contains("anonymous.username]"), "{name}");
    }
    for roles in ["[a, ' ']", "['a b\u{e9}']", "[\"a\\tb\"]"] {
        assert!(
            refusal(&format!("{prefix}.roles: {roles}")).contains("anonymous.roles]"),
            "{roles}"
        );
    }
}

#[test]
fn reserved_roles_can_be_left_out_but_for_the_superuser() {
    let all = parse("").roles;
    assert!(all.reserved.contains("viewer"));
    assert_eq!(all.file, Path::new("/etc/jeton/roles.yml"));
    let some = parse("xpack.security.reserved_roles.include: [superuser, viewer]").roles;
    assert!(some.reserved.contains("viewer") && !some.reserved.contains("editor"));
    for (value, reason) in [
        ("viewer", "the role [superuser] cannot be left out"),
        ("[]", "the role [superuser] cannot be left out"),
        ("[superuser, mine]", "[mine] is no reserved role"),
    ] {
        let refused = refusal(&format!("xpack.security.reserved_roles.include: {value}"));
        assert!(refused.ends_with(reason), "{refused}");
    }
}

#[test]
fn failed_logins_are_slowed_down_as_the_realms_advise_unless_told_otherwise() {
    let advised = jeton_realms::throttle::ThrottleLimits::default();
    assert_eq!(format!("{:?}", parse("").throttle), format!("{advised:?}"));
    let chosen = parse("jeton.throttle:\n  free_failures: 2\n  delay.max: 1m\n").throttle;
    assert_eq!((chosen.free_failures, chosen.delay_max), (2, Duration::from_mins(1)));
}

#[test]
fn a_mistake_in_the_file_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jeton.yml");
    std::fs::write(&path, "a: [").unwrap();
    let sources = Sources { file: Some(path.clone()), ..Sources::default() };
    let error = Settings::load(&sources, &|_| None).unwrap_err().to_string();
    assert!(error.starts_with(&format!("settings file [{}], line ", path.display())), "{error}");
}

#[test]
fn the_effective_settings_show_what_derived_defaults_come_to() {
    let spaced = effective_text(&parse("http.host: 'localhost, ::1'\n").effective).unwrap();
    assert!(spaced.contains("http.host: \"localhost, ::1\"   # from the file\n"), "{spaced}");
    let text = effective_text(&parse("network.host: localhost\n").effective).unwrap();
    assert!(text.contains("http.host: localhost\n"), "{text}");
    assert!(text.contains("http.compression: true\n"), "{text}");
    assert!(text.contains("\nnode.name: ") && text.contains("\njeton.hashing.threads: "), "{text}");
    let again = effective_text(&parse(&text).effective).unwrap();
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("   #").next().unwrap().to_owned()).collect()
    };
    assert_eq!(values(&again), values(&text));
}

#[test]
fn the_effective_settings_show_values_and_origins() {
    let settings = parse_with("cluster.name: c1\nhttp.host: [localhost]\n", &["http.port=0"]);
    let text = effective_text(&settings.unwrap().effective).unwrap();
    assert!(text.contains("cluster.name: c1   # from the file\n"), "{text}");
    assert!(text.contains("http.port: 0   # from -E\n"), "{text}");
    assert!(text.contains("xpack.security.authc.token.timeout: 20m\n"), "{text}");
}

#[test]
fn the_sample_file_changes_nothing_even_with_every_default_uncommented() {
    insta::assert_snapshot!("sample", sample());
    let uncommented: Vec<String> = sample()
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| {
            line.split(": ").next().is_some_and(|name| {
                name.contains('.') && !name.contains(' ') && !name.contains(".my_realm.")
            })
        })
        .filter(|line| line.contains(": ") && !line.contains(": ...   ("))
        .map(str::to_owned)
        .collect();
    assert!(uncommented.len() > 20);
    parse(&uncommented.join("\n"));
}

#[test]
fn the_schema_describes_every_setting() {
    insta::assert_snapshot!("schema", serde_json::to_string_pretty(&schema()).unwrap());
}
