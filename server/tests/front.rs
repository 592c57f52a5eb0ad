//! Requests that are answered in front of the HTTP library, alone and among others on a connection.
//!
//! A request takes the long way if a header that the front does not judge is in its head: the bytes
//! of both answers are compared, date apart.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a helper of tests fails the test"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use support::{GRANT, LIVE, Server, is_ended, token_head};

/// A head that the front answers, with more header lines.
fn fit(token: &str, lines: &str) -> String {
    format!(
        "GET /_security/_authenticate HTTP/1.1\r\nhost: a:9200\r\n\
         authorization: Bearer {token}\r\n{lines}\r\n"
    )
}

/// The same, by the long way.
fn long(token: &str, lines: &str) -> String {
    fit(token, &format!("keep-alive: 5\r\n{lines}"))
}

fn posted(lines: &str, body: &str) -> String {
    token_head(&format!("content-length: {}\r\n{lines}", body.len())) + body
}

/// An answer, and what follows it.
struct Answers {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Answers {
    fn of(server: &Server) -> Self {
        Self { stream: server.connect(), bytes: Vec::new() }
    }

    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next answer: its head and its body.
    fn next(&mut self) -> (String, Vec<u8>) {
        let end = loop {
            let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => self.more(),
            }
        };
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |digits| digits.parse().unwrap());
        while self.bytes.len() < length {
            self.more();
        }
        (head, self.bytes.drain(..length).collect())
    }

    fn more(&mut self) {
        let mut part = [0; 4096];
        let length = self.stream.read(&mut part).unwrap();
        assert!(length > 0, "no answer after {:?}", String::from_utf8_lossy(&self.bytes));
        self.bytes.extend_from_slice(&part[..length]);
    }

    fn status(&mut self) -> u16 {
        self.next().0[9..12].parse().unwrap()
    }

    fn is_over(&mut self) -> bool {
        self.bytes.is_empty() && is_ended(&mut self.stream)
    }
}

/// An access token that was never looked at.
fn unseen(server: &Server) -> String {
    let mut answers = Answers::of(server);
    answers.send(&posted("", GRANT));
    let body = String::from_utf8(answers.next().1).unwrap();
    let (_, rest) = body.split_once("\"access_token\":\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// An access token that is in the cache, since it was looked at.
fn granted(server: &Server) -> String {
    let token = unseen(server);
    let mut answers = Answers::of(server);
    answers.send(&long(&token, ""));
    assert_eq!(answers.status(), 200);
    token
}

/// A token of the right form whose tag is wrong.
fn forged(token: &str) -> String {
    let last = if token.ends_with('A') { "Q" } else { "A" };
    let (start, _) = token.split_at(token.len() - 8);
    format!("{start}{}", last.repeat(8))
}

fn undated(head: &str) -> String {
    let is_date = |line: &&str| line.starts_with("date: ");
    let dates: Vec<&str> = head.split("\r\n").filter(is_date).collect();
    let is_one = matches!(dates.as_slice(), [date] if date.len() == 35 && date.ends_with(" GMT"));
    assert!(is_one, "{head}");
    head.replace(dates[0], "date")
}

/// Asks the same both ways, each on a connection of its own.
fn check_same(server: &Server, token: &str, lines: &str) -> (String, Vec<u8>) {
    let ask = |request: String| {
        let mut answers = Answers::of(server);
        answers.send(&request);
        let (head, body) = answers.next();
        (undated(&head), body)
    };
    let long = ask(long(token, lines));
    let fit = [ask(fit(token, lines)), ask(fit(token, lines))];
    assert_eq!(fit, [long.clone(), long.clone()], "{lines:?}");
    long
}

#[test]
fn the_front_answers_what_the_long_way_answers() {
    let server = Server::start(&[]);
    let good = granted(&server);
    let revoked = granted(&server);
    let mut answers = Answers::of(&server);
    let body = format!("{{\"token\":\"{revoked}\"}}");
    let revoke = posted("", &body).replacen("POST", "DELETE", 1);
    answers.send(&revoke);
    assert_eq!(answers.status(), 200);
    let forged = forged(&good);
    for (token, status) in
        [(good.as_str(), 200), (&revoked, 401), (&forged, 401), ("x", 401), (" ", 401)]
    {
        for lines in [
            "",
            "accept: */*\r\n",
            "Accept: application/json\r\nUser-Agent: a\r\nx-forwarded-for: 1.2.3.4\r\n",
            "accept: application/vnd.elasticsearch+json;compatible-with=7\r\n",
            "accept: application/vnd.elasticsearch+json; compatible-with=8\r\n",
            "accept: application/vnd.elasticsearch+json;compatible-with=9\r\n",
            "accept: application/vnd.elasticsearch+json;compatible-with=10\r\n",
            "accept: text/html, application/json;q=0.5\r\n",
            "accept: application/yaml\r\n",
            "accept: \r\n",
            "accept: a\r\naccept: b\r\n",
            "accept-encoding: gzip\r\n",
            "accept-encoding: gzip, deflate, br\r\nx-opaque-id: a b\r\n",
            "accept-encoding: gzip;q=0\r\naccept: application/vnd.elasticsearch+json\r\n",
            "accept-encoding: \u{e9}, gzip\r\n",
            "x-opaque-id: 7\r\n",
            "X-Opaque-Id: \u{e9}\r\n",
            "x-opaque-id:\r\n",
            "x-opaque-id: 7\r\nx-opaque-id: 8\r\n",
            "content-type: application/json\r\nconnection: Keep-Alive\r\n",
            "content-type: ?\r\n",
            "content-length: 0\r\n",
            "content-encoding: gzip\r\n",
            "es-security-runas-user: elastic\r\n",
            "host: b\r\n",
            "x-elastic-client-meta: es=8.19.0,js=20\r\ntraceparent: 00-1-2-3\r\n",
        ] {
            let (head, _) = check_same(&server, token, lines);
            if lines.is_empty() {
                assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            }
        }
    }
}

#[test]
fn an_expired_token_is_refused_both_ways() {
    let server = Server::start(&["xpack.security.authc.token.timeout=1s"]);
    // It may expire before it is looked at for the first time.
    let token = unseen(&server);
    let mut answers = Answers::of(&server);
    let is_expired = |_| {
        answers.send(&fit(&token, ""));
        answers.status() == 401
    };
    assert!((0..1_000_000).any(is_expired));
    check_same(&server, &token, "");
    check_same(&server, &token, "accept-encoding: gzip\r\nx-opaque-id: 7\r\n");
}

#[test]
fn a_token_that_was_never_looked_at_is_answered() {
    let server = Server::start(&[]);
    let token = unseen(&server);
    assert!(token.starts_with("jta_"), "{token}");
    let mut answers = Answers::of(&server);
    answers.send(&fit(&token, ""));
    assert_eq!(answers.status(), 200);
}

#[test]
fn heads_that_come_together_are_answered_with_one_write() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let mut answers = Answers::of(&server);
    answers.send(&fit(&token, ""));
    let (head, body) = answers.next();
    answers.send(&fit(&token, "").repeat(16));
    let mut bytes = vec![0; 64 * 1024];
    let length = answers.stream.read(&mut bytes).unwrap();
    assert_eq!(length, 16 * (head.len() + body.len()));
}

#[test]
fn rivals_are_no_business_of_the_front() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let same = format!("authorization: Bearer {token}\r\n");
    for lines in [same.as_str(), "authorization: Bearer x\r\n", "authorization: Basic eDp5\r\n"] {
        check_same(&server, &token, lines);
    }
}

#[test]
fn a_head_in_two_pieces_is_one_head_wherever_it_is_cut() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let text = fit(&token, "x-opaque-id: 7\r\n") + &fit("x", "") + &posted("", GRANT) + LIVE;
    let mut answers = Answers::of(&server);
    for cut in 0..=text.len() {
        let (first, second) = text.split_at(cut);
        answers.send(first);
        // Long enough a way for the first piece to be read alone, most of the time.
        std::thread::yield_now();
        answers.send(second);
        assert!(answers.next().0.contains("x-opaque-id: 7\r\n"), "cut at {cut}");
        let statuses = [answers.status(), answers.status(), answers.status()];
        assert_eq!(statuses, [401, 200, 200], "cut at {cut}");
    }
}

#[test]
fn a_head_byte_by_byte_is_one_head() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let mut answers = Answers::of(&server);
    let text = fit(&token, "") + LIVE + &fit(&token, "");
    text.chars().for_each(|letter| answers.send(&letter.to_string()));
    assert_eq!([answers.status(), answers.status(), answers.status()], [200; 3]);
}

/// Requests that leave the connection open, with the status of their answers.
fn open_ended(token: &str) -> Vec<(String, u16)> {
    vec![
        (fit(token, ""), 200),
        (fit("x", ""), 401),
        (fit(token, "accept-encoding: gzip\r\n"), 200),
        (long(token, ""), 200),
        (LIVE.to_owned(), 200),
        (posted("", GRANT), 200),
        (posted("", &fit(token, "")).replace("application/json", "text/plain"), 406),
        (fit(token, "").replace("Bearer", "Basic"), 401),
        (fit(token, "es-security-runas-user: nobody\r\n"), 403),
        (fit(token, "").replace("/_security", "/nowhere"), 400),
        (fit(token, "").replace("GET", "PUT"), 405),
        (fit(token, "").replace("_authenticate", "_authenticate?pretty"), 200),
    ]
}

#[test]
fn mixed_requests_on_one_connection_are_answered_in_order() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let requests = open_ended(&token);
    let all: Vec<&(String, u16)> = requests
        .iter()
        .flat_map(|first| requests.iter().flat_map(move |second| [first, second]))
        .collect();
    let mut answers = Answers::of(&server);
    // One that is refused with its body unread would close the connection.
    let all: Vec<_> = all.into_iter().filter(|(text, _)| !text.contains("text/plain")).collect();
    let text: String = all.iter().map(|(text, _)| text.as_str()).collect();
    answers.send(&text);
    for (place, (text, status)) in all.iter().enumerate() {
        assert_eq!(answers.status(), *status, "at {place}: {text}");
    }
}

#[test]
fn a_head_of_an_answer_without_a_body_is_followed_by_the_next_answer() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let text = fit(&token, "x-opaque-id: 1\r\n");
    let asked = text.replace("GET", "HEAD") + &text;
    let mut stream = server.connect();
    stream.write_all((asked + &fit("x", "connection: close\r\n")).as_bytes()).unwrap();
    let answers = support::to_end(&mut stream);
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 3, "{answers}");
    assert!(answers.contains("connection: close\r\n"), "{answers}");
}

#[test]
fn what_comes_after_the_last_request_is_not_answered() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let fit = fit(&token, "x-opaque-id: inner\r\n");
    for last in [
        fit.replace("host: a:9200", "host: a\r\nconnection: close"),
        LIVE.replace("HTTP/1.1", "HTTP/1.0"),
        LIVE.replace("host: a", "host: a\r\nconnection: close, keep-alive"),
        "nonsense\r\n\r\n".to_owned(),
        LIVE.replace("GET", "G T"),
        LIVE.replace("host: a", "host : a"),
        LIVE.replace("host: a", "host: a\r\n folded"),
        LIVE.replace("host: a", "content-length: 1\r\ncontent-length: 2"),
        posted("", "{").replace("content-length: 1", "content-length: -1"),
        LIVE.replace("host: a", "host: a\r\ntransfer-encoding: gzip"),
    ] {
        let mut stream = server.connect();
        stream.write_all((fit.clone() + &last + &fit).as_bytes()).unwrap();
        let answers = support::to_end(&mut stream);
        let inner = answers.matches("x-opaque-id: inner").count();
        let is_closed_by_fit = last.contains("inner");
        assert_eq!(inner, 1 + usize::from(is_closed_by_fit), "{last}{answers}");
    }
}

/// The body of a request is never taken for a request, however its end is told.
#[test]
fn a_request_within_a_body_is_not_answered() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let inner = fit(&token, "x-opaque-id: inner\r\n");
    let length = inner.len();
    let chunked = format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
    let counted = format!("content-length: {length}\r\n");
    for (lines, body) in [
        (counted.clone(), inner.clone()),
        (counted.replace("content", "CoNtEnT"), inner.clone()),
        (counted.repeat(2), inner.clone()),
        (format!("content-length: {length} \r\n"), inner.clone()),
        (format!("content-length:{length}\r\n"), inner.clone()),
        (format!("content-length : {length}\r\n"), inner.clone()),
        (format!("content-length: 0{length}\r\n"), inner.clone()),
        (format!("content-length: 0\r\n{counted}"), inner.clone()),
        (format!("{counted}content-length: 0\r\n"), inner.clone()),
        ("transfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("Transfer-Encoding: Chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding : chunked\r\n".to_owned(), chunked.clone()),
        (" transfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked\r\ncontent-length: 0\r\n".to_owned(), chunked.clone()),
        ("content-length: 0\r\ntransfer-encoding: chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity, chunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(), chunked),
        (format!("expect: 100-continue\r\n{counted}"), inner.clone()),
        (format!("upgrade: h2c\r\nconnection: upgrade\r\n{counted}"), inner),
    ] {
        for request in [
            token_head(&lines) + &body,
            fit(&token, &lines) + &body,
            token_head(&lines).replace("Basic", "Nothing") + &body,
        ] {
            let mut stream = server.connect();
            stream.write_all((fit(&token, "") + &request).as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut bytes = Vec::new();
            drop(stream.read_to_end(&mut bytes));
            let answers = String::from_utf8_lossy(&bytes);
            assert!(!answers.contains("x-opaque-id: inner"), "{request}\n{answers}");
            assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{request}\n{answers}");
        }
    }
}

#[test]
fn a_tunnel_is_not_looked_into() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let inner = fit(&token, "x-opaque-id: inner\r\n");
    let mut answers = Answers::of(&server);
    answers.send(&fit(&token, ""));
    assert_eq!(answers.status(), 200);
    answers.send("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(answers.status() >= 400);
    // Refused, it is a request like others; what follows takes the long way.
    answers.send(&inner);
    assert!(answers.next().0.contains("x-opaque-id: inner"));
}

#[test]
fn a_chunked_body_leaves_the_connection_to_the_library() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let mut answers = Answers::of(&server);
    let chunked = format!("{:x}\r\n{GRANT}\r\n0\r\n\r\n", GRANT.len());
    answers.send(&(token_head("transfer-encoding: chunked\r\n") + &chunked + &fit(&token, "")));
    assert_eq!([answers.status(), answers.status()], [200, 200]);
    answers.send(&fit(&token, ""));
    assert_eq!(answers.status(), 200);
}

#[test]
fn answers_that_wait_for_a_slow_reader_are_all_there() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let pair = LIVE.to_owned() + &fit(&token, "x-opaque-id: 1\r\n");
    let mut answers = Answers::of(&server);
    let mut sender = answers.stream.try_clone().unwrap();
    let pairs = 20_000;
    let sending = std::thread::spawn(move || {
        (0..pairs).for_each(|_| sender.write_all(pair.as_bytes()).unwrap());
        sender.shutdown(Shutdown::Write).unwrap();
    });
    for place in 0..pairs {
        assert_eq!(answers.status(), 200, "at {place}");
        assert!(answers.next().0.contains("x-opaque-id: 1\r\n"), "at {place}");
    }
    sending.join().unwrap();
    assert!(answers.is_over());
}

#[test]
fn one_who_pipelines_without_end_leaves_time_for_others() {
    let server = Server::start(&["jeton.http.threads=1"]);
    let token = granted(&server);
    let mut greedy = server.connect();
    let mut reader = greedy.try_clone().unwrap();
    let many = fit(&token, "").repeat(1_000);
    let sending = std::thread::spawn(move || while greedy.write_all(many.as_bytes()).is_ok() {});
    let reading =
        std::thread::spawn(move || while reader.read(&mut [0; 8_192]).is_ok_and(|n| n > 0) {});
    for _ in 0..100 {
        let mut answers = Answers::of(&server);
        answers.send(&fit(&token, ""));
        assert_eq!(answers.status(), 200);
    }
    drop(server);
    sending.join().unwrap();
    reading.join().unwrap();
}

#[test]
fn a_stop_lets_answers_out_and_ends_the_connection() {
    let mut server = Server::start(&[]);
    let token = granted(&server);
    let mut used = Answers::of(&server);
    used.send(&fit(&token, ""));
    assert_eq!(used.status(), 200);
    let mut mixed = Answers::of(&server);
    mixed.send(&(LIVE.to_owned() + &fit(&token, "")));
    assert_eq!([mixed.status(), mixed.status()], [200, 200]);
    let mut half = Answers::of(&server);
    half.send(&fit(&token, "")[..40]);
    server.stop();
    assert!(used.is_over() && mixed.is_over() && half.is_over());
}

#[test]
fn silence_after_an_answer_and_half_a_head_are_bounded() {
    let server = Server::start(&["jeton.http.header.timeout=2s", "jeton.http.idle.timeout=1h"]);
    let token = granted(&server);
    let mut half = Answers::of(&server);
    half.send(&(fit(&token, "") + &fit(&token, "")[..60]));
    assert_eq!(half.status(), 200);
    assert!(half.is_over());
    let server = Server::start(&["jeton.http.header.timeout=1h", "jeton.http.idle.timeout=2s"]);
    let token = granted(&server);
    let mut silent = Answers::of(&server);
    silent.send(&(LIVE.to_owned() + &fit(&token, "")));
    assert_eq!([silent.status(), silent.status()], [200, 200]);
    assert!(silent.is_over());
}

#[test]
fn a_client_that_stops_sending_gets_its_answers() {
    let server = Server::start(&[]);
    let token = granted(&server);
    let mut answers = Answers::of(&server);
    answers.send(&(fit(&token, "").repeat(3) + &fit(&token, "")[..50]));
    answers.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!([answers.status(), answers.status(), answers.status()], [200; 3]);
    assert!(answers.is_over());
}
