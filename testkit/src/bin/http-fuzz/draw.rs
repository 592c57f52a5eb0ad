//! Draws shots: requests to known routes, spoiled in some ways, framed well or badly.
//!
//! Owns the credentials and the framing. Must not know any route: they are in
//! [`mod@crate::routes`]. A shot is *sound* when every request in it is framed so that the server
//! must answer each.

use std::net::Ipv4Addr;

use jeton_testkit::answers::Asked;
use jeton_testkit::chance::Chance;
use jeton_testkit::process::ELASTIC_PASSWORD;
use jeton_testkit::wire::{Answer, basic, bearer};

use crate::routes::ROUTES;
use crate::spoil;

/// The user of a file; may monitor and no more.
pub(crate) const FILE_USER: &str = "file-user";

/// The password of every user but `elastic`.
pub(crate) const PASSWORD: &str = "fuzz-password-1";

/// What one connection sends.
#[derive(Debug)]
pub(crate) struct Shot {
    pub(crate) bytes: Vec<u8>,
    /// The method of each request.
    pub(crate) requests: Vec<String>,
    pub(crate) is_sound: bool,
    pub(crate) ending: Ending,
    pub(crate) piece_bytes: usize,
    pub(crate) source: Ipv4Addr,
}

impl Shot {
    /// What each request asks for.
    pub(crate) fn asked(&self) -> impl Iterator<Item = Asked> {
        self.requests.iter().map(|method| match method.as_str() {
            "HEAD" => Asked::HeadersOnly,
            _ => Asked::Whole,
        })
    }
}

/// What is done once everything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The answers are read.
    Read,
    /// The sending side is closed, then the answers are read.
    HalfClose,
    /// The connection is closed at once.
    Leave,
}

/// Tokens that the server gave out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    access: Vec<String>,
    refresh: Vec<String>,
}

impl Keys {
    /// Learns the tokens of an answer, if it has any.
    pub(crate) fn learn(&mut self, answer: &Answer) {
        let pairs = [(&mut self.access, "/access_token"), (&mut self.refresh, "/refresh_token")];
        for (known, pointer) in pairs {
            let token = answer.text(pointer);
            if !token.is_empty() {
                if known.len() >= KEYS_MAX {
                    known.remove(0);
                }
                known.push(token);
            }
        }
    }

    /// Every token.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.access.iter().chain(&self.refresh).map(String::as_str)
    }

    /// Adds those of another worker.
    pub(crate) fn join(&mut self, other: Self) {
        self.access.extend(other.access);
        self.refresh.extend(other.refresh);
    }

    fn one(chance: &mut Chance, known: &[String]) -> String {
        chance.pick(known).cloned().unwrap_or_else(|| format!("jta_{}", "A".repeat(44)))
    }
}

/// The next shot.
pub(crate) fn draw(chance: &mut Chance, keys: &Keys) -> Shot {
    let count = if chance.once_in(8) { 2 + chance.below(5) } else { 1 };
    let mut shot = Shot {
        bytes: Vec::new(),
        requests: Vec::new(),
        is_sound: true,
        ending: Ending::Read,
        piece_bytes: usize::MAX,
        source: source(chance),
    };
    for _ in 0..count {
        let request = Draft::draw(chance, keys);
        shot.requests.push(request.method.clone());
        shot.is_sound = request.render(chance, &mut shot.bytes);
        if !shot.is_sound {
            break;
        }
    }
    if chance.once_in(25) {
        shot.is_sound = false;
        spoil_head(chance, &mut shot);
    }
    if chance.once_in(20) {
        shot.piece_bytes = (1 + chance.below(60)).max(shot.bytes.len() / 2000);
    }
    if chance.once_in(30) {
        shot.ending = Ending::Leave;
        shot.bytes.truncate(chance.below(shot.bytes.len() + 1));
    } else if !shot.is_sound && !chance.once_in(6) {
        shot.ending = Ending::HalfClose;
    }
    shot
}

/// A loopback address; most are new, so that failed logins of one do not slow down the others.
fn source(chance: &mut Chance) -> Ipv4Addr {
    let byte = |chance: &mut Chance| u8::try_from(1 + chance.below(254)).unwrap_or(1);
    if chance.once_in(30) {
        return Ipv4Addr::new(127, 0, 0, 9);
    }
    Ipv4Addr::new(127, byte(chance), byte(chance), byte(chance))
}

/// Spoils the bytes of a shot wherever they are; never so that a method becomes `HEAD`.
fn spoil_head(chance: &mut Chance, shot: &mut Shot) {
    match chance.below(8) {
        0 => shot.bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        1 => shot.bytes = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        2 => shot.bytes = b"GET / HTTP/1.1\nhost: x\n\n".to_vec(),
        3 => {
            shot.bytes =
                b"GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\nbad name : z\r\n\r\n".to_vec();
        }
        4 => shot.bytes = spoil::json(chance),
        _ => {
            let mut bytes = std::mem::take(&mut shot.bytes);
            spoil::bytes(chance, &mut bytes);
            shot.bytes = bytes;
        }
    }
}

/// A request before it is framed.
struct Draft {
    method: String,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Draft {
    fn draw(chance: &mut Chance, keys: &Keys) -> Self {
        let route = chance.pick(ROUTES).copied().unwrap_or(("GET", "/", &[]));
        let (method, path, bodies) = route;
        let name = format!("fuzz{}", chance.below(12));
        let body = chance.pick(bodies).map(|body| filled(chance, keys, body)).unwrap_or_default();
        let mut draft = Self {
            method: method.to_owned(),
            target: path.replace("{}", &name).into_bytes(),
            headers: Vec::new(),
            body: body.into_bytes(),
        };
        if !draft.body.is_empty() {
            draft.add("content-type", "application/json");
        }
        if let Some(text) = authorization(chance, keys) {
            draft.add("authorization", &text);
        }
        for _ in 0..chance.below(3) {
            draft.spoil(chance, keys);
        }
        draft.keep_the_key(chance);
        draft
    }

    /// Whoever changes its own password here is not `elastic`, without whom the run would be over.
    fn keep_the_key(&mut self, chance: &mut Chance) {
        let is_own = String::from_utf8_lossy(&self.target).contains("/user/_password");
        if is_own {
            self.headers.retain(|(name, _)| name != b"authorization" && name != RUN_AS);
            let user = basic(&format!("fuzz{}", chance.below(12)), PASSWORD);
            self.add("authorization", &user);
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    }

    fn spoil(&mut self, chance: &mut Chance, keys: &Keys) {
        match chance.below(13) {
            0 => {
                let method = chance.pick(&METHODS).copied().unwrap_or("GET");
                method.clone_into(&mut self.method);
            }
            1 => self.target = spoil::target(chance).into_bytes(),
            2 | 3 => self.target.extend(spoil::query(chance).into_bytes()),
            4 => {
                spoil::bytes(chance, &mut self.target);
                self.target.retain(|byte| !byte.is_ascii_control() && *byte != b' ');
            }
            5 => {
                for _ in 0..=chance.below(4) {
                    self.headers.push(spoil::header(chance));
                }
            }
            6 => {
                let header = spoil::header(chance);
                let times = chance.below(300);
                self.headers.extend(std::iter::repeat_n(header, times));
            }
            7 => {
                let kept = self.headers.len().saturating_sub(1);
                self.headers.truncate(kept);
            }
            8 => spoil::bytes(chance, &mut self.body),
            9 => self.body = spoil::json(chance),
            10 => self.replace_value(chance),
            11 => {
                self.add("content-encoding", "gzip");
                let plain = std::mem::take(&mut self.body);
                self.body =
                    if chance.once_in(2) { spoil::gzip(&plain) } else { spoil::bad_gzip(chance) };
            }
            _ => {
                let text = authorization(chance, keys).unwrap_or_default();
                self.add("authorization", &text);
            }
        }
    }

    /// Puts something of another kind behind one of the colons.
    fn replace_value(&mut self, chance: &mut Chance) {
        let colons: Vec<usize> =
            (0..self.body.len()).filter(|place| self.body.get(*place) == Some(&b':')).collect();
        let Some(start) = chance.pick(&colons).map(|colon| colon + 1) else { return };
        let rest = self.body.get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']'));
        let end = start + length.unwrap_or(rest.len());
        self.body.splice(start..end, spoil::value(chance).bytes());
    }

    /// Adds the request to `bytes`; whether the server must answer it.
    fn render(&self, chance: &mut Chance, bytes: &mut Vec<u8>) -> bool {
        let framing = if chance.once_in(10) { chance.below(9) } else { 0 };
        let version = if chance.once_in(40) { "HTTP/1.0" } else { "HTTP/1.1" };
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&self.target);
        let host = if chance.once_in(50) { "" } else { "host: localhost\r\n" };
        bytes.extend_from_slice(format!(" {version}\r\n{host}").as_bytes());
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if chance.once_in(40) {
            bytes.extend_from_slice(b"expect: 100-continue\r\n");
        }
        frame(chance, framing, &self.body, bytes)
    }
}

/// Writes the framing headers and the body; whether they fit.
fn frame(chance: &mut Chance, framing: usize, body: &[u8], bytes: &mut Vec<u8>) -> bool {
    let length = body.len();
    let lengths = match framing {
        0 if body.is_empty() => String::new(),
        0 => format!("content-length: {length}\r\n"),
        1 | 2 => "transfer-encoding: chunked\r\n".to_owned(),
        3 => format!("content-length: {}\r\n", length + 1 + chance.below(100)),
        4 => format!("content-length: {}\r\n", length / 2),
        5 => format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        6 => format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
        7 => {
            let odd = chance.pick(&LENGTHS).copied().unwrap_or("x");
            format!("content-length: {odd}\r\n")
        }
        _ => "transfer-encoding: gzip, x, chunked\r\n".to_owned(),
    };
    bytes.extend_from_slice(lengths.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    if matches!(framing, 1 | 2 | 5 | 8) {
        chunks(chance, body, bytes);
        if framing == 2 {
            let start = bytes.len().saturating_sub(length + 20);
            let mut tail = bytes.split_off(start);
            spoil::bytes(chance, &mut tail);
            bytes.extend(tail);
        }
    } else {
        bytes.extend_from_slice(body);
    }
    framing <= 1
}

fn chunks(chance: &mut Chance, body: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = body;
    while !rest.is_empty() {
        let length = (1 + chance.below(rest.len())).min(rest.len());
        let (piece, after) = rest.split_at(length);
        let extension = if chance.once_in(8) { ";name=\"value\"" } else { "" };
        bytes.extend_from_slice(format!("{length:x}{extension}\r\n").as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
        rest = after;
    }
    let trailer = if chance.once_in(8) { "x-trailer: y\r\n" } else { "" };
    bytes.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
}

/// The value of `Authorization`: good, forged, of little worth, or none.
fn authorization(chance: &mut Chance, keys: &Keys) -> Option<String> {
    Some(match chance.below(40) {
        0 => return None,
        1 => basic("elastic", "wrong-password"),
        2 => basic(FILE_USER, PASSWORD),
        3 => basic(&format!("fuzz{}", chance.below(12)), PASSWORD),
        4 => bearer(&Keys::one(chance, &keys.refresh)),
        5 => {
            let mut forged = Keys::one(chance, &keys.access).into_bytes();
            spoil::bytes(chance, &mut forged);
            forged.retain(|byte| (b' '..0x7f).contains(byte));
            bearer(&String::from_utf8_lossy(&forged))
        }
        6 => "ApiKey aWQ6a2V5".to_owned(),
        7 => basic(&"x".repeat(chance.below(3000)), "y"),
        8..=12 => bearer(&Keys::one(chance, &keys.access)),
        _ => basic("elastic", ELASTIC_PASSWORD),
    })
}

/// A body with passwords and tokens in their places.
fn filled(chance: &mut Chance, keys: &Keys, body: &str) -> String {
    body.replace("@elastic", ELASTIC_PASSWORD)
        .replace("@password", PASSWORD)
        .replace("@access", &Keys::one(chance, &keys.access))
        .replace("@refresh", &Keys::one(chance, &keys.refresh))
        .replace("@name", &format!("fuzz{}", chance.below(12)))
}

const METHODS: [&str; 16] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "PROPFIND",
    "M-SEARCH",
    "QUERY",
    "X",
    "!#$%&'*+-.^_`|~",
    "AVERYLONGMETHODNAMEINDEEDOVERANYLIMITTHATONEWOULDSET",
];

const LENGTHS: [&str; 8] =
    ["-1", "+5", "5, 5", "0x10", "99999999999999999999999", "10000000000", "1048577", ""];

const RUN_AS: &[u8] = b"es-security-runas-user";

/// Tokens of each kind that a worker remembers.
const KEYS_MAX: usize = 32;
