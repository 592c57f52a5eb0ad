//! The one table of settings: name, kind with unit and range, default, and what it does.
//!
//! Owns every name. `jeton check`, the sample file and the schema are printed from it, and
//! values are checked against it. Must not know how a setting is used.

/// One setting.
#[derive(Debug)]
pub(super) struct Definition {
    /// Dotted name; a `*` stands for one part that the operator chooses.
    pub name: &'static str,
    /// What values look like, with unit and range.
    pub kind: Kind,
    /// Default, written as in the file.
    pub default: Default,
    /// What it does, in full sentences.
    pub doc: &'static str,
}

/// What the values of a setting look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A time with a unit, in a range whose ends are written like values.
    Time {
        /// Shortest accepted, if any; `None` accepts `-1` as well.
        min: Option<&'static str>,
        /// Longest accepted, if any.
        max: Option<&'static str>,
    },
    /// A size in bytes with a unit, in a range whose ends are written like values.
    Size {
        /// Smallest accepted.
        min: &'static str,
        /// Largest accepted.
        max: &'static str,
    },
    /// A whole number in a range.
    Integer {
        /// Smallest accepted.
        min: i64,
        /// Largest accepted.
        max: i64,
    },
    /// A port or a range of ports.
    Ports,
    /// Any text but the empty one.
    Text,
    /// A path; relative to the directory of the settings file.
    Path,
    /// A list of texts, as a YAML list or separated by commas.
    List,
    /// One of some words.
    Choice(&'static [&'static str]),
}

/// What holds when a setting is not given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Default {
    /// A value, written as in the file.
    Value(&'static str),
    /// Nothing.
    None,
    /// Something that depends on other settings or on the machine; in words.
    Derived(&'static str),
}

/// The setting of this name, if there is one.
pub(super) fn find(name: &str) -> Option<&'static Definition> {
    TABLE.iter().find(|definition| matches(definition.name, name))
}

/// Whether a name is accepted without effect.
pub(super) fn is_without_effect(name: &str) -> bool {
    WITHOUT_EFFECT.iter().any(|pattern| matches(pattern, name))
}

/// Why a known name is refused, if it is.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, reason)| *reason)
}

/// The nearest name that exists, if one is near enough to be meant.
pub(super) fn suggestion(name: &str) -> Option<String> {
    let near = name.len().div_ceil(5).clamp(2, 12);
    TABLE
        .iter()
        .map(|definition| filled(definition.name, name))
        .map(|candidate| (strsim::damerau_levenshtein(name, &candidate), candidate))
        .filter(|(distance, _)| *distance <= near)
        .min_by(|one, other| one.0.cmp(&other.0).then_with(|| one.1.cmp(&other.1)))
        .map(|(_, candidate)| candidate)
}

/// Whether `name` fits `pattern`: `*` is one part, a last `**` is one part or more.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = name.split('.');
    for wanted in pattern.split('.') {
        match parts.next() {
            None | Some("") => return false,
            Some(_) if wanted == "**" => return true,
            Some(part) if wanted == "*" || wanted == part => {}
            Some(_) => return false,
        }
    }
    parts.next().is_none()
}

/// The pattern with the operator's own parts in place of its stars.
fn filled(pattern: &str, name: &str) -> String {
    let mut parts = name.split('.');
    let filled: Vec<&str> = pattern
        .split('.')
        .map(|wanted| {
            let part = parts.next();
            if wanted == "*" { part.unwrap_or(wanted) } else { wanted }
        })
        .collect();
    filled.join(".")
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: Default,
    doc: &'static str,
) -> Definition {
    Definition { name, kind, default, doc }
}

const fn value(text: &'static str) -> Default {
    Default::Value(text)
}

const fn time(min: &'static str, max: &'static str) -> Kind {
    Kind::Time { min: Some(min), max: Some(max) }
}

const TIME_OR_NEVER: Kind = Kind::Time { min: None, max: None };

/// Hash algorithms for stored passwords.
pub(super) const HASHES: &[&str] = &[
    "bcrypt",
    "bcrypt4",
    "bcrypt5",
    "bcrypt6",
    "bcrypt7",
    "bcrypt8",
    "bcrypt9",
    "bcrypt10",
    "bcrypt11",
    "bcrypt12",
    "bcrypt13",
    "bcrypt14",
    "pbkdf2",
    "pbkdf2_1000",
    "pbkdf2_10000",
    "pbkdf2_50000",
    "pbkdf2_100000",
    "pbkdf2_500000",
    "pbkdf2_1000000",
    "pbkdf2_stretch",
    "pbkdf2_stretch_1000",
    "pbkdf2_stretch_10000",
    "pbkdf2_stretch_50000",
    "pbkdf2_stretch_100000",
    "pbkdf2_stretch_500000",
    "pbkdf2_stretch_1000000",
    "argon2id",
];

/// Hash algorithms for passwords in a realm's cache.
const CACHE_HASHES: &[&str] = &[
    "ssha256",
    "sha1",
    "md5",
    "noop",
    "clear_text",
    "bcrypt",
    "bcrypt4",
    "bcrypt5",
    "bcrypt6",
    "bcrypt7",
    "bcrypt8",
    "bcrypt9",
    "bcrypt10",
    "pbkdf2",
    "pbkdf2_1000",
    "pbkdf2_10000",
    "pbkdf2_50000",
    "pbkdf2_stretch",
    "pbkdf2_stretch_1000",
    "pbkdf2_stretch_10000",
];

/// Every setting that has an effect, in the order of the sample file.
pub(super) const TABLE: &[Definition] = &[
    setting("cluster.name", Kind::Text, value("jeton"), "Name of the cluster, shown by `GET /`."),
    setting(
        "node.name",
        Kind::Text,
        Default::Derived("the name of the machine"),
        "Name of this node, shown by `GET /` and in errors.",
    ),
    setting(
        "path.data",
        Kind::Path,
        value("./jeton-data"),
        "Directory of the stored tokens, users and roles. One process at a time uses it. Relative \
         to the working directory; `--data` wins.",
    ),
    setting(
        "network.host",
        Kind::List,
        value("_local_"),
        "Addresses to listen on where `http.host` is not set: `_local_`, IP addresses or host \
         names.",
    ),
    setting(
        "http.host",
        Kind::List,
        Default::Derived("the value of network.host"),
        "Addresses to listen on. An address that is not loopback needs TLS.",
    ),
    setting(
        "http.port",
        Kind::Ports,
        value("9200"),
        "Port to listen on, or a range of which the first free one is taken. `0` lets the system \
         choose.",
    ),
    setting(
        "http.max_content_length",
        Kind::Size { min: "1kb", max: "2gb" },
        value("100mb"),
        "Largest body of a request. A larger one is answered with 413 before it is read.",
    ),
    setting(
        "http.max_header_size",
        Kind::Size { min: "4kb", max: "1mb" },
        value("16kb"),
        "Room for the headers of a request. Headers and request line share one bound, the sum of this \
         setting and `http.max_initial_line_length`; a longer head is answered with 431.",
    ),
    setting(
        "http.max_initial_line_length",
        Kind::Size { min: "4kb", max: "1mb" },
        value("4kb"),
        "Room for the request line of a request, added to `http.max_header_size`: the bound is their \
         sum.",
    ),
    setting(
        "http.compression",
        Kind::Flag,
        Default::Derived("true without TLS, false with TLS"),
        "Whether answers are compressed when the client accepts gzip.",
    ),
    setting(
        "xpack.security.http.ssl.enabled",
        Kind::Flag,
        value("false"),
        "Whether the server speaks TLS (1.2 and 1.3).",
    ),
    setting(
        "xpack.security.http.ssl.certificate",
        Kind::Path,
        Default::None,
        "PEM file with the certificate chain of the server, its own certificate first. Read again \
         when it changes.",
    ),
    setting(
        "xpack.security.http.ssl.key",
        Kind::Path,
        Default::None,
        "PEM file with the private key of the server, not encrypted. Read again when it changes.",
    ),
    setting(
        "xpack.security.http.ssl.certificate_authorities",
        Kind::List,
        Default::None,
        "PEM files with the authorities that client certificates are checked against. Read again \
         when they change.",
    ),
    setting(
        "xpack.security.http.ssl.client_authentication",
        Kind::Choice(&["none", "optional", "required"]),
        value("none"),
        "Whether clients are asked for a certificate.",
    ),
    setting(
        "xpack.security.authc.token.enabled",
        Kind::Flag,
        value("true"),
        "Whether the token service is on.",
    ),
    setting(
        "xpack.security.authc.token.timeout",
        time("1s", "1h"),
        value("20m"),
        "Lifetime of an access token. A refresh token always lives 24 hours.",
    ),
    setting(
        "xpack.security.authc.token.delete.interval",
        Kind::Time { min: Some("1s"), max: None },
        value("30m"),
        "Time between two clean-ups of expired tokens. A clean-up drops whole segments and walks \
         no tokens.",
    ),
    setting(
        "xpack.security.authc.token.delete.timeout",
        TIME_OR_NEVER,
        value("-1"),
        "Limit of one clean-up; `-1` is none. Kept for compatibility: a clean-up here does not \
         grow with the number of tokens.",
    ),
    setting(
        "xpack.security.authc.reserved_realm.enabled",
        Kind::Flag,
        value("true"),
        "Whether the built-in users, `elastic` among them, may log in.",
    ),
    setting(
        "xpack.security.authc.api_key.enabled",
        Kind::Flag,
        value("true"),
        "Whether API keys are offered to those who are asked to authenticate.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.order",
        Kind::Integer { min: i32::MIN as i64, max: i32::MAX as i64 },
        Default::None,
        "Place of a realm in the chain, the smallest first. Required for an enabled realm, and \
         unique.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.enabled",
        Kind::Flag,
        value("true"),
        "Whether a realm is part of the chain. The types of this version are `file` and `native`.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.authentication.enabled",
        Kind::Flag,
        value("true"),
        "Whether users of a realm may log in; when false they can only be looked up for run-as.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.cache.ttl",
        TIME_OR_NEVER,
        value("20m"),
        "How long a verified password is remembered. Zero or `-1` switches the cache off.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.cache.max_users",
        Kind::Integer { min: 0, max: 10_000_000 },
        value("100000"),
        "How many users a realm remembers at most.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.cache.hash_algo",
        Kind::Choice(CACHE_HASHES),
        value("ssha256"),
        "Kept for compatibility: whatever is chosen, a remembered password is a salted hash.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.files.users",
        Kind::Path,
        value("users"),
        "File of user names and password hashes of a `file` realm.",
    ),
    setting(
        "xpack.security.authc.realms.*.*.files.users_roles",
        Kind::Path,
        value("users_roles"),
        "File of roles and their users of a `file` realm.",
    ),
    setting(
        "xpack.security.reserved_roles.include",
        Kind::List,
        Default::Derived("all of them"),
        "The built-in roles that there are, `superuser` always among them. The names of the others are \
         free for roles of your own.",
    ),
    setting(
        "xpack.security.authc.anonymous.roles",
        Kind::List,
        Default::None,
        "Roles of requests without credentials. Anonymous access is on when the list is not empty. A \
         gateway that asks whether a request is authenticated is told that every one is.",
    ),
    setting(
        "xpack.security.authc.anonymous.username",
        Kind::Text,
        value("_anonymous"),
        "User name of requests without credentials.",
    ),
    setting(
        "xpack.security.authc.anonymous.authz_exception",
        Kind::Flag,
        value("true"),
        "Whether an anonymous request without the needed privilege is answered with 403 (true) or \
         401 (false).",
    ),
    setting(
        "xpack.security.authc.password_hashing.algorithm",
        Kind::Choice(HASHES),
        value("argon2id"),
        "How new passwords are hashed. Hashes that are already stored keep working.",
    ),
    setting(
        "xpack.security.authc.success_cache.enabled",
        Kind::Flag,
        value("true"),
        "Whether the realm that last authenticated a name is tried first for it.",
    ),
    setting(
        "xpack.security.authc.success_cache.size",
        Kind::Integer { min: 1, max: 10_000_000 },
        value("10000"),
        "How many names the realm that answered last is remembered for.",
    ),
    setting(
        "xpack.security.authc.success_cache.expire_after_access",
        Kind::Time { min: Some("1s"), max: None },
        value("1h"),
        "How long an unused name is remembered with its realm.",
    ),
    setting(
        "resource.reload.interval.high",
        time("10ms", "1d"),
        value("5s"),
        "How often files are looked at for changes: users, roles, certificates, keys.",
    ),
    setting(
        "jeton.token.follow_user_changes",
        Kind::Flag,
        value("false"),
        "Whether the tokens of a native or built-in user are revoked, in the same commit, when the \
         user is deleted or disabled or gets another password. Without it they live on until they \
         expire or are revoked.",
    ),
    setting(
        "jeton.keys.file",
        Kind::Path,
        value("token.keys"),
        "File of the keys that tokens are made with, readable by its owner only. Keep it out of \
         the data directory and out of backups of it.",
    ),
    setting(
        "jeton.http.allow_plaintext",
        Kind::Flag,
        value("false"),
        "Allow an address that is not loopback without TLS. Only behind a proxy that ends TLS.",
    ),
    setting(
        "jeton.http.threads",
        Kind::Integer { min: 1, max: 1024 },
        Default::Derived("one a processor"),
        "Threads that serve connections.",
    ),
    setting(
        "jeton.http.connections.max",
        Kind::Integer { min: 16, max: 1_000_000 },
        value("16384"),
        "Open connections at once, further bounded by the limit of open files. When all are \
         taken, the oldest is asked to end after its current request.",
    ),
    setting(
        "jeton.http.header.timeout",
        time("100ms", "1h"),
        value("30s"),
        "Time for a TLS handshake, and for the headers of one request from their first byte.",
    ),
    setting(
        "jeton.http.body.timeout",
        time("100ms", "1h"),
        value("60s"),
        "Time for the body of one request.",
    ),
    setting(
        "jeton.http.body.memory",
        Kind::Size { min: "1mb", max: "64gb" },
        value("256mb"),
        "Memory that the bodies of all requests may hold at once. A body that does not fit is \
         answered with 429.",
    ),
    setting(
        "jeton.http.idle.timeout",
        time("100ms", "1d"),
        value("10m"),
        "Time after which a connection without a request is closed.",
    ),
    setting(
        "jeton.http.stop.timeout",
        time("0", "1h"),
        value("20s"),
        "Time that requests under way get to end when the server is asked to stop.",
    ),
    setting(
        "jeton.cache.size",
        Kind::Size { min: "1mb", max: "1tb" },
        value("256mb"),
        "Memory for the cache of tokens, and of the users that they belong to with their printed \
         answers.",
    ),
    setting(
        "jeton.disk.reserve",
        Kind::Size { min: "0", max: "1tb" },
        value("64mb"),
        "Free space of the data directory below which no new token is granted. Tokens can still be \
         invalidated.",
    ),
    setting(
        "jeton.throttle.free_failures",
        Kind::Integer { min: 0, max: 1_000_000 },
        value("5"),
        "Failed logins of a user from an address that cost nothing.",
    ),
    setting(
        "jeton.throttle.delay.first",
        time("1ms", "1h"),
        value("250ms"),
        "Delay after the first failed login beyond the free ones; each further one doubles it.",
    ),
    setting(
        "jeton.throttle.delay.max",
        time("1ms", "1d"),
        value("30s"),
        "Longest delay of a user's logins from an address.",
    ),
    setting(
        "jeton.throttle.forget_after",
        time("1s", "7d"),
        value("10m"),
        "Time after which failed and successful logins of a user from an address are forgotten.",
    ),
    setting(
        "jeton.throttle.patience",
        time("0", "1m"),
        value("5s"),
        "Longest time that a login is kept waiting; what would wait longer is answered with 429.",
    ),
    setting(
        "jeton.throttle.concurrent.max",
        Kind::Integer { min: 1, max: 1_000_000 },
        value("128"),
        "Logins of a user from an address at once.",
    ),
    setting(
        "jeton.throttle.users.max",
        Kind::Integer { min: 16, max: 10_000_000 },
        value("32768"),
        "Users at addresses whose logins are remembered; the oldest give way.",
    ),
    setting(
        "jeton.throttle.address.failures.max",
        Kind::Integer { min: 1, max: 1_000_000 },
        value("100"),
        "Failed logins over all names that an address may have at once. Names that have logged in \
         from there are free of it.",
    ),
    setting(
        "jeton.throttle.address.recovery",
        time("1ms", "1h"),
        value("250ms"),
        "Time that forgives an address one failed login.",
    ),
    setting(
        "jeton.throttle.addresses.max",
        Kind::Integer { min: 16, max: 10_000_000 },
        value("16384"),
        "Addresses whose failed logins are remembered; the oldest give way.",
    ),
    setting(
        "jeton.hashing.threads",
        Kind::Integer { min: 1, max: 1024 },
        Default::Derived("one a processor"),
        "Passwords that are hashed at once.",
    ),
    setting(
        "jeton.hashing.queue",
        Kind::Integer { min: 0, max: 100_000 },
        value("256"),
        "Logins that may wait for a hashing thread; more are answered with 429.",
    ),
];

/// Names that mean something elsewhere and nothing here: accepted and reported once.
const WITHOUT_EFFECT: &[&str] = &[
    "action.**",
    "bootstrap.memory_lock",
    "bootstrap.system_call_filter",
    "cluster.initial_master_nodes",
    "cluster.max_shards_per_node",
    "cluster.routing.**",
    "discovery.**",
    "gateway.**",
    "http.compression_level",
    "http.cors.**",
    "http.detailed_errors.enabled",
    "http.pipelining.max_events",
    "http.publish_host",
    "http.publish_port",
    "http.tcp.**",
    "http.type",
    "indices.**",
    "ingest.**",
    "logger.**",
    "monitor.**",
    "network.publish_host",
    "network.tcp.**",
    "node.attr.**",
    "node.roles",
    "path.logs",
    "path.repo",
    "reindex.**",
    "repositories.**",
    "script.**",
    "search.**",
    "thread_pool.**",
    "transport.**",
    "xpack.license.self_generated.type",
    "xpack.ml.**",
    "xpack.monitoring.**",
    "xpack.notification.**",
    "xpack.profiling.**",
    "xpack.security.audit.**",
    "xpack.security.authc.api_key.cache.**",
    "xpack.security.authc.api_key.delete.**",
    "xpack.security.authc.api_key.doc_cache.**",
    "xpack.security.authc.api_key.hashing.**",
    "xpack.security.authc.service_token.**",
    "xpack.security.authz.**",
    "xpack.security.autoconfiguration.enabled",
    "xpack.security.dls_fls.enabled",
    "xpack.security.enrollment.**",
    // Whoever shows a certificate is checked against the authorities in every mode.
    "xpack.security.http.ssl.verification_mode",
    "xpack.security.transport.**",
    "xpack.watcher.**",
];

/// Names that would weaken or mislead if they were accepted in silence.
const REFUSED: &[(&str, &str)] = &[
    (
        "bootstrap.password",
        "a password does not belong in this file; set the environment variable ELASTIC_PASSWORD \
         for the first start, or use `jeton reset-password`",
    ),
    ("http.bind_host", "use [http.host]"),
    ("network.bind_host", "use [network.host]"),
    ("xpack.security.http.ssl.keystore.**", PEM_ONLY),
    ("xpack.security.http.ssl.truststore.**", PEM_ONLY),
    ("xpack.security.http.ssl.key_passphrase", KEY_IN_CLEAR),
    ("xpack.security.http.ssl.secure_key_passphrase", KEY_IN_CLEAR),
    (
        "xpack.security.http.ssl.cipher_suites",
        "the cipher suites are fixed: those of TLS 1.3, and those of TLS 1.2 with forward secrecy",
    ),
    ("xpack.security.http.ssl.supported_protocols", "the protocols are fixed: TLS 1.2 and TLS 1.3"),
];

const PEM_ONLY: &str = "only PEM files are read; use [xpack.security.http.ssl.certificate], \
                        [xpack.security.http.ssl.key] and \
                        [xpack.security.http.ssl.certificate_authorities]";

const KEY_IN_CLEAR: &str = "the key file must not be encrypted; protect it by its mode";

#[cfg(test)]
mod tests {
    use super::{HASHES, TABLE, find, is_without_effect, matches, refusal, suggestion};

    #[test]
    fn patterns_match_whole_names_only() {
        assert!(matches("a.*.c", "a.b.c"));
        assert!(matches("a.**", "a.b.c"));
        for (pattern, name) in
            [("a.*", "a"), ("a.*", "a.b.c"), ("a.**", "a"), ("a.*.c", "a..c"), ("a", "a.b")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest_name() {
        assert_eq!(
            suggestion("xpack.security.authc.token.timout").as_deref(),
            Some("xpack.security.authc.token.timeout")
        );
        assert_eq!(
            suggestion("xpack.security.authc.realms.file.f1.oder").as_deref(),
            Some("xpack.security.authc.realms.file.f1.order")
        );
        assert_eq!(suggestion("zebra"), None);
    }

    #[test]
    fn the_algorithms_are_those_that_hash() {
        assert_eq!(HASHES, jeton_realms::password::supported_names());
    }

    #[test]
    fn every_name_stands_in_one_place_and_explains_itself() {
        for (at, definition) in TABLE.iter().enumerate() {
            let name = definition.name;
            assert!(TABLE.iter().skip(at + 1).all(|other| other.name != name), "{name} twice");
            assert!(!is_without_effect(name) && refusal(name).is_none(), "{name}");
            assert!(definition.doc.ends_with('.'), "{name} has no sentence");
            assert!(find(name).is_some(), "{name}");
        }
    }
}
