//! Clients that try to confuse the front of a connection, to outlive a revocation in it, or to hold
//! it up.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests fails the test"
)]

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use support::{
    GRANT, LIVE, LIVE_AND_CLOSE, PASSWORD, PATIENCE, Server, head, is_ended, token_head,
};

/// A head that the front answers, with more header lines.
fn fit(token: &str, lines: &str) -> String {
    format!(
        "GET /_security/_authenticate HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{lines}\r\n"
    )
}

fn posted(lines: &str, body: &str) -> String {
    token_head(&format!("content-length: {}\r\n{lines}", body.len())) + body
}

fn granted(server: &Server) -> String {
    let answer = server.talk(&posted("connection: close\r\n", GRANT));
    let (_, rest) = answer.split_once("\"access_token\":\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Revokes a token on a connection of its own, and returns when that is acknowledged.
fn revoke(server: &Server, token: &str) {
    let body = format!("{{\"token\":\"{token}\"}}");
    let request = posted("connection: close\r\n", &body).replacen("POST", "DELETE", 1);
    assert!(server.talk(&request).contains("\"invalidated_tokens\":1"));
}

/// All that comes up to the end of the connection, without its dates.
fn undated(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let label = b"\r\ndate: ";
    let dates: Vec<usize> =
        (0..bytes.len()).filter(|place| bytes[*place..].starts_with(label)).collect();
    for place in dates {
        let start = place + label.len();
        let date = &mut bytes[start..start + "Sun, 06 Nov 1994 08:49:37 GMT".len()];
        assert!(date.ends_with(b" GMT"));
        date.fill(b'-');
    }
    bytes
}

/// Numbers that look like chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Requests that leave the connection open and are answered alike each time.
fn requests(token: &str, revoked: &str) -> Vec<String> {
    let asked = "{\"cluster\":[\"all\"]}";
    let privileges = posted("", asked).replace("oauth2/token", "user/_has_privileges");
    let chunked = "transfer-encoding: chunked\r\n";
    let in_chunks = token_head(chunked).replace("oauth2/token", "user/_has_privileges");
    let mut requests = vec![
        fit(token, ""),
        fit(token, "x-opaque-id: 7\r\n"),
        fit(token, "accept-encoding: gzip\r\n"),
        fit(token, "").replace("\r\n", "\n"),
        "\r\n".to_owned() + &fit(token, ""),
        fit(revoked, ""),
        fit("x", "accept: application/vnd.elasticsearch+json;compatible-with=8\r\n"),
        fit(token, "").repeat(40),
        fit(token, "keep-alive: 5\r\n"),
        fit(token, "").replace("GET", "HEAD"),
        fit(token, "").replace("GET", "OPTIONS"),
        fit(token, "").replace("GET", "PUT"),
        fit(token, "").replace("_authenticate", "_authenticate?pretty"),
        fit(token, "").replace(" /_s", " http://a/_s"),
        fit(token, "").replace("Bearer", "Basic"),
        fit(token, "authorization: Bearer x\r\n"),
        fit(token, "es-security-runas-user: nobody\r\n"),
        fit(token, "content-length: 0\r\n"),
        fit(token, &format!("x: {}\r\n", "y".repeat(9_000))),
        LIVE.to_owned(),
        LIVE.to_owned().repeat(3),
        privileges.clone(),
        privileges.replace("content-length: ", "Content-Length:000"),
    ];
    // From here on the library has the stream for good.
    requests.push(in_chunks + &format!("{:x}\r\n{asked}\r\n0\r\n\r\n", asked.len()));
    requests.push(privileges.replace("host: a", "host: a\r\nexpect: nothing"));
    requests
}

#[test]
fn requests_answer_alike_alone_and_among_others_however_they_are_cut() {
    let server = Server::start(&[]);
    let (token, revoked) = (granted(&server), granted(&server));
    revoke(&server, &revoked);
    let ask = |parts: &[&[u8]]| {
        let mut stream = server.connect();
        for part in parts {
            stream.write_all(part).unwrap();
            thread::yield_now();
        }
        stream.write_all(LIVE_AND_CLOSE.as_bytes()).unwrap();
        undated(&mut stream)
    };
    let last = ask(&[]);
    let pairs: Vec<(String, Vec<u8>)> = requests(&token, &revoked)
        .into_iter()
        .map(|request| {
            let mut answer = ask(&[request.as_bytes()]);
            assert!(answer.len() > last.len() && answer.ends_with(&last), "{request}");
            answer.truncate(answer.len() - last.len());
            (request, answer)
        })
        .collect();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..400 {
        let chosen: Vec<usize> = (0..=chance.below(9)).map(|_| chance.below(pairs.len())).collect();
        let bytes: Vec<u8> = chosen.iter().flat_map(|place| pairs[*place].0.bytes()).collect();
        let mut cuts: Vec<usize> =
            (0..chance.below(12)).map(|_| chance.below(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let wanted: Vec<&[u8]> =
            chosen.iter().map(|place| pairs[*place].1.as_slice()).chain([&last[..]]).collect();
        assert!(ask(&parts) == wanted.concat(), "in round {round}: {chosen:?} cut at {cuts:?}");
    }
}

#[test]
fn no_head_that_was_sent_after_a_revocation_passes_behind_heads_that_wait() {
    let server = Server::start(&["jeton.http.threads=1"]);
    for before in [1, 31, 32, 33, 300] {
        let token = granted(&server);
        let mut stream = server.connect();
        // Nobody reads the answers, so that later ones wait.
        stream.write_all(fit(&token, "").repeat(before).as_bytes()).unwrap();
        revoke(&server, &token);
        let late = fit(&token, "x-opaque-id: late\r\n").repeat(50) + LIVE_AND_CLOSE;
        stream.write_all(late.as_bytes()).unwrap();
        let answers = support::to_end(&mut stream);
        let answers: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).collect();
        assert_eq!(answers.len(), before + 51);
        let (early, late) = answers.split_at(before);
        let late = late.iter().filter(|text| text.contains("x-opaque-id: late"));
        assert_eq!(late.filter(|text| text.starts_with("401")).count(), 50);
        let revoked = early.iter().position(|text| text.starts_with("401")).unwrap_or(before);
        assert!(early[..revoked].iter().all(|text| text.starts_with("200")));
        assert!(early[revoked..].iter().all(|text| text.starts_with("401")));
    }
}

#[test]
fn a_stop_does_not_wait_for_the_rest_of_a_head() {
    for sent in ["GET /_sec".to_owned(), LIVE.to_owned() + "GET /_sec", LIVE.to_owned() + "\r\n"] {
        let hour = ["jeton.http.header.timeout=1h", "jeton.http.stop.timeout=1h"];
        let mut server = Server::start(&[&hour[..], &["jeton.http.threads=1"]].concat());
        let mut stream = server.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        if sent.len() > LIVE.len() {
            head(&mut stream);
        }
        // A whole request behind it on another connection: its answer shows that half of one was
        // read.
        server.talk(LIVE_AND_CLOSE);
        let (stopped, is_stopped) = mpsc::channel();
        let stopping = thread::spawn(move || {
            server.stop();
            stopped.send(()).unwrap();
        });
        let is_soon = is_stopped.recv_timeout(PATIENCE).is_ok();
        drop(stream);
        stopping.join().unwrap();
        assert!(is_soon, "it waited for the rest of {sent:?}");
    }
}

#[test]
fn halves_of_heads_do_not_keep_newcomers_out() {
    let server = Server::start(&["jeton.http.connections.max=16", "jeton.http.threads=1"]);
    let token = granted(&server);
    let halves: Vec<TcpStream> = (0..16)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all((fit(&token, "") + "GET /_sec").as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..32 {
        let mut stream = server.connect();
        stream.write_all(fit(&token, "").as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    drop(halves);
}

#[test]
fn those_who_never_read_do_not_keep_newcomers_out() {
    let server = Server::start(&["jeton.http.connections.max=16", "jeton.http.threads=1"]);
    let many = fit("x", "").repeat(1_000);
    let stuck: Vec<TcpStream> = (0..16)
        .map(|_| {
            let mut stream = server.connect();
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            while stream.write_all(many.as_bytes()).is_ok() {}
            stream
        })
        .collect();
    for _ in 0..32 {
        let mut stream = server.connect();
        stream.write_all(fit("x", "").as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    }
    drop(stuck);
}

#[test]
fn one_who_never_reads_is_not_read_without_end() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let many = fit(&token, "").repeat(1_000);
    let mut sent_bytes = 0;
    while sent_bytes < TAKEN_BYTES_MAX && stream.write_all(many.as_bytes()).is_ok() {
        sent_bytes += many.len();
    }
    // What the sockets of both sides hold, and no more.
    assert!(sent_bytes < TAKEN_BYTES_MAX, "{sent_bytes} bytes were taken");
    assert!(server.talk(&fit(&token, "connection: close\r\n")).starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn one_who_stops_sending_gets_every_answer_of_the_front() {
    let server = Server::start(&[]);
    let token = granted(&server);
    for heads in [0, 1, 31, 32, 33, 64, 65, 150] {
        for tail in ["", "\r\n", "GET /_sec"] {
            let mut stream = server.connect();
            stream.write_all((fit(&token, "").repeat(heads) + tail).as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let answers = support::to_end(&mut stream);
            let good = answers.matches("HTTP/1.1 200 OK\r\n").count();
            assert_eq!(good, heads, "before {tail:?}");
        }
    }
}

#[test]
fn those_who_reset_in_the_midst_cost_nobody_else_anything() {
    let server = Server::start(&["jeton.http.threads=1"]);
    let token = granted(&server);
    let text = fit(&token, "").repeat(40) + LIVE + &posted("", GRANT) + &fit(&token, "");
    for cut in (0..text.len()).step_by(97) {
        let mut stream = server.connect();
        stream.write_all(&text.as_bytes()[..cut]).unwrap();
        // Closed with answers unread, the socket is reset.
        drop(stream);
    }
    let mut stream = server.connect();
    stream.write_all((fit(&token, "").repeat(40) + LIVE_AND_CLOSE).as_bytes()).unwrap();
    assert_eq!(support::to_end(&mut stream).matches("HTTP/1.1 200 OK\r\n").count(), 41);
}

#[test]
fn a_head_that_is_never_finished_ends_however_its_bytes_trickle() {
    let server = Server::start(&["jeton.http.header.timeout=2s", "jeton.http.idle.timeout=1h"]);
    let token = granted(&server);
    for (start, drop_by_drop) in [
        (String::new(), "a"),
        (fit(&token, ""), "a"),
        (fit(&token, "") + "GET /", "a"),
        (LIVE.to_owned() + "GET /", "a"),
        (LIVE.to_owned(), "\r\n"),
    ] {
        let mut stream = server.connect();
        stream.write_all(start.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let is_over = |_| {
            let is_sent = stream.write_all(drop_by_drop.as_bytes()).is_ok();
            match stream.read(&mut [0; 4_096]) {
                Ok(length) => length == 0,
                Err(error) => !is_sent || error.kind() == ErrorKind::ConnectionReset,
            }
        };
        assert!((0..1_000).any(is_over), "{start:?}");
    }
}

#[test]
fn many_connections_at_once_are_all_served_and_all_stop() {
    let mut server = Server::start(&["jeton.http.threads=4"]);
    let token = granted(&server);
    let mut streams: Vec<TcpStream> = (0..600).map(|_| server.connect()).collect();
    for round in 0..3 {
        for stream in &mut streams {
            stream.write_all(fit(&token, "").as_bytes()).unwrap();
        }
        for stream in &mut streams {
            let head = head(stream);
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "in round {round}: {head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            stream.read_exact(&mut vec![0; length.unwrap().parse().unwrap()]).unwrap();
        }
    }
    server.stop();
    assert!(streams.iter_mut().all(is_ended));
}

#[test]
fn a_password_in_front_of_a_token_is_never_taken_for_it() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let basic = token_head("").replace("POST", "GET").replace("oauth2/token", "_authenticate");
    assert!(!basic.contains(PASSWORD));
    let mut stream = server.connect();
    let mixed = (basic.clone() + &fit(&token, "") + &fit("x", "") + &basic) + LIVE_AND_CLOSE;
    stream.write_all(mixed.as_bytes()).unwrap();
    let answers = support::to_end(&mut stream);
    let kinds: Vec<&str> = answers
        .split("\"authentication_type\":\"")
        .skip(1)
        .map(|text| text.split_once('"').unwrap().0)
        .collect();
    assert_eq!(kinds, ["realm", "token", "realm"]);
}

/// More than the sockets of both sides hold.
const TAKEN_BYTES_MAX: usize = 64 * 1024 * 1024;
