//! Ways to spoil bytes, values and headers. Knows nothing of routes.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jeton_testkit::chance::Chance;

/// Changes some bytes: flipped, inserted, removed, doubled, cut.
pub(crate) fn bytes(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..=chance.below(4) {
        let place = chance.below(bytes.len() + 1);
        match chance.below(6) {
            0 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            1 => {
                let word = chance.pick(&WORDS).copied().unwrap_or_default();
                bytes.splice(place..place, word.bytes());
            }
            2 => {
                let end = (place + chance.below(8)).min(bytes.len());
                bytes.drain(place..end);
            }
            3 => {
                let end = (place + chance.below(40)).min(bytes.len());
                let doubled = bytes.get(place..end).unwrap_or_default().to_vec();
                bytes.splice(place..place, doubled);
            }
            4 => bytes.truncate(place),
            _ => {
                let noise = [chance.number().to_be_bytes(), chance.number().to_be_bytes()].concat();
                bytes.splice(place..place, noise.into_iter().take(chance.below(16)));
            }
        }
    }
}

/// A JSON text of no sense: deep, wide, of odd numbers and texts.
pub(crate) fn json(chance: &mut Chance) -> Vec<u8> {
    let text = match chance.below(11) {
        0 => format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
        1 => "{\"a\":".repeat(3000),
        2 => format!("[{}1]", "1,".repeat(20_000)),
        3 => format!("{{\"grant_type\":\"{}\"}}", "x".repeat(200_000)),
        4 => format!("{{{}\"z\":1}}", "\"a\":{\"b\":1},".repeat(500)),
        5 => format!("{{\"scope\":{}}}", "9".repeat(5000)),
        6 => format!("{{\"{}\":\"x\"}}", "grant_type".repeat(500)),
        7 => deep(chance, "{\"query\":", "{\"bool\":{\"must\":[", "]}}", "}"),
        8 => {
            deep(chance, "{\"enabled\":true,\"roles\":[\"x\"],\"rules\":", "{\"all\":[", "]}", "}")
        }
        9 => {
            let pattern = "(a?|b*){2,9}".repeat(chance.below(400));
            format!("{{\"cluster\":[],\"run_as\":[\"/{pattern}/\",\"{}\"]}}", "a*".repeat(900))
        }
        _ => chance.pick(&WORDS).copied().unwrap_or_default().repeat(1 + chance.below(40)),
    };
    text.into_bytes()
}

/// An object of objects, open to some depth and closed again.
fn deep(chance: &mut Chance, start: &str, open: &str, close: &str, end: &str) -> String {
    let depth = chance.below(600);
    format!("{start}{}{}{end}", open.repeat(depth), close.repeat(depth))
}

/// The text of a value of another kind.
pub(crate) fn value(chance: &mut Chance) -> &'static str {
    chance.pick(&VALUES).copied().unwrap_or("null")
}

/// A target that may not exist.
pub(crate) fn target(chance: &mut Chance) -> String {
    let path = chance.pick(&PATHS).copied().unwrap_or("/");
    if chance.once_in(4) {
        format!("{path}/{}", "a/".repeat(chance.below(2000)))
    } else {
        path.into()
    }
}

/// A query, from known parameters with odd values to rubbish.
pub(crate) fn query(chance: &mut Chance) -> String {
    let mut query = String::from("?");
    for _ in 0..=chance.below(4) {
        query.push_str(chance.pick(&PARAMETERS).copied().unwrap_or("pretty"));
        query.push(if chance.once_in(20) { ';' } else { '&' });
    }
    if chance.once_in(40) {
        query.push_str(&"a&".repeat(1500));
    }
    query
}

/// A header line of no sense.
pub(crate) fn header(chance: &mut Chance) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = chance.pick(&HEADERS).copied().unwrap_or(("x", "y"));
    let mut value = value.as_bytes().to_vec();
    match chance.below(12) {
        0 => value = vec![b'x'; 1 + chance.below(30_000)],
        1 => value.extend_from_slice(b"\xff\xfe\x80"),
        2 => value.clear(),
        3 => value.retain(|_| chance.below(5) > 0),
        _ => {}
    }
    (name.as_bytes().to_vec(), value)
}

/// The bytes in gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail; an empty body would do as well.
    let _ignored = coder.write_all(bytes);
    coder.finish().unwrap_or_default()
}

/// Bytes that look like gzip: cut, changed, or far too many once they are unpacked.
pub(crate) fn bad_gzip(chance: &mut Chance) -> Vec<u8> {
    let mut coded = match chance.below(3) {
        0 => gzip(&vec![b' '; 20_000_000]),
        1 => gzip(&gzip(b"{\"grant_type\":\"client_credentials\"}")),
        _ => gzip(b"{\"grant_type\":\"client_credentials\"}"),
    };
    if chance.once_in(2) {
        bytes(chance, &mut coded);
    }
    coded
}

const WORDS: [&str; 24] = [
    "null",
    "true",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\u0000",
    "\\ud800",
    "\\",
    "1e999",
    "-0",
    "\u{feff}",
    "%00",
    "%",
    "\r\n",
    "\0",
    "*",
    "/../",
    "{\"a\":1}",
    "\u{202e}",
    "99999999999999999999",
];

const VALUES: [&str; 12] = [
    "null",
    "true",
    "0",
    "-1.5e300",
    "1e999",
    "[]",
    "{}",
    "[{\"a\":[]}]",
    "\"\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "{\"a\":1,\"a\":2}",
];

const PATHS: [&str; 28] = [
    "/",
    "//",
    "/*",
    "*",
    "/_security",
    "/_security/",
    "/_security/nope",
    "/_security/api_key",
    "/_security/user//_password",
    "/_security/user/%2e%2e/_password",
    "/_security/role/a/b",
    "/_security/oauth2/token/x",
    "/_security/oauth2//token",
    "/_xpack/security/_authenticate",
    "/index/_search",
    "/_cluster/health/index",
    "/_jeton",
    "/_jeton/live/x",
    "/%ff",
    "/%",
    "/_security/user/%zz",
    "/_security/role/%00",
    "http://localhost/_security/_authenticate",
    "/_security/privilege/_builtin/x",
    "/_security/user/_has_privileges/x",
    "/_security/role_mapping/a,b,,",
    "/_security/role/*/_clear_cache/x",
    "/_security/service/a/b/credential/token/c",
];

const PARAMETERS: [&str; 29] = [
    "pretty",
    "pretty=false",
    "pretty=yes",
    "human",
    "error_trace",
    "error_trace=true",
    "format=json",
    "format=yaml",
    "format=",
    "filter_path=a*,-**.b",
    "filter_path=**",
    "filter_path=-*",
    "filter_path=.",
    "filter_path=authentication.*.name,access_token",
    "refresh",
    "refresh=wait_for",
    "refresh=soon",
    "usernames=a,b",
    "with_profile_uid=maybe",
    "master_timeout=30s",
    "timeout=1ms",
    "timeout=99999999999999d",
    "wait_for_status=green",
    "wait_for_status=x",
    "prety",
    "%",
    "%ff=1",
    "=",
    "a=%00",
];

const HEADERS: [(&str, &str); 36] = [
    ("host", "other:99999"),
    ("host", "a b@c/"),
    ("accept", "*/*"),
    ("accept", "application/json"),
    ("accept", "application/vnd.elasticsearch+json; compatible-with=8"),
    ("accept", "application/vnd.elasticsearch+json; compatible-with=10"),
    ("accept", "application/yaml"),
    ("accept", "text/html, image/gif, *; q=.2, */*; q=.2"),
    ("accept", ";;,,"),
    ("content-type", "application/json"),
    ("content-type", "application/vnd.elasticsearch+json; compatible-with=8"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "application/json; charset=utf-16"),
    ("content-type", "application/cbor"),
    ("accept-encoding", "gzip"),
    ("accept-encoding", "br;q=1, gzip;q=0, *"),
    ("content-encoding", "gzip"),
    ("content-encoding", "br"),
    ("content-encoding", "identity"),
    ("x-opaque-id", "an-id"),
    ("x-opaque-id", "\"<>\\"),
    ("es-security-runas-user", "file-user"),
    ("es-security-runas-user", "nobody"),
    ("es-security-runas-user", "elastic"),
    ("authorization", "Basic !!"),
    ("authorization", "Negotiate YII="),
    ("authorization", "Bearer"),
    ("connection", "close"),
    ("connection", "keep-alive, x-opaque-id"),
    ("x-forwarded-for", "1.2.3.4"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"),
    ("te", "trailers"),
    ("range", "bytes=0-1"),
    ("if-none-match", "*"),
    ("x-http-method-override", "DELETE"),
    ("cookie", "a=b"),
];
