//! HTTP on real sockets: bounds on heads, bodies, silence and connections; stopping in order.

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use support::{GRANT, LIVE, LIVE_AND_CLOSE, Server, head, is_ended, to_end, token_head};

fn length(bytes: usize) -> String {
    format!("content-length: {bytes}\r\n")
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let server = Server::start(&[]);
    let answers = server.talk(&(LIVE.repeat(50) + LIVE_AND_CLOSE));
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 51, "{answers}");
    assert_eq!(answers.matches("{\"live\":true}").count(), 51);
}

#[test]
fn a_token_is_granted_over_a_socket() {
    let server = Server::start(&[]);
    let head = token_head(&(length(GRANT.len()) + "connection: close\r\n"));
    let answer = server.talk(&(head + GRANT));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"access_token\":\"jta_"), "{answer}");
}

#[test]
fn a_body_in_many_pieces_is_one_body() {
    let server = Server::start(&[]);
    let mut text = token_head("transfer-encoding: chunked\r\nconnection: close\r\n");
    for byte in GRANT.chars() {
        text.push_str("1\r\n");
        text.push(byte);
        text.push_str("\r\n");
    }
    text.push_str("0\r\n\r\n");
    let answer = server.talk(&text);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_strangers_body_is_never_read() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let request = "POST /_security/oauth2/token HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\
                   content-length: 50\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn a_body_that_is_declared_too_large_is_refused_before_the_upload() {
    let server = Server::start(&["http.max_content_length=1kb"]);
    let mut stream = server.connect();
    let lines = length(1025) + "expect: 100-continue\r\n";
    stream.write_all(token_head(&lines).as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains("content-length: 0\r\n"), "{answer}");
}

#[test]
fn a_body_that_turns_out_too_large_is_refused() {
    let server = Server::start(&["http.max_content_length=1kb"]);
    let mut stream = server.connect();
    let lines = "x-opaque-id: seven\r\ntransfer-encoding: chunked\r\n";
    stream.write_all(token_head(lines).as_bytes()).unwrap();
    let piece = format!("100\r\n{}\r\n", "x".repeat(256));
    stream.write_all(piece.repeat(8).as_bytes()).unwrap();
    let answer = to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("x-opaque-id: seven\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn the_answer_to_a_huge_upload_arrives_although_the_upload_is_cut() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream.write_all(token_head(&length(1_000_000_000)).as_bytes()).unwrap();
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < 1_000_000_000 {
        match stream.write(&piece) {
            Ok(bytes) => sent += bytes,
            Err(_) => break,
        }
    }
    assert!(sent < 100_000_000, "the upload was taken");
    assert!(to_end(&mut stream).starts_with("HTTP/1.1 413"));
}

#[test]
fn bodies_share_a_bounded_memory() {
    let server = Server::start(&["jeton.http.body.memory=1mb"]);
    let mut stream = server.connect();
    stream.write_all(token_head(&length(3_000_000)).as_bytes()).unwrap();
    // The server may close before all of it is sent.
    drop(stream.write_all(&vec![b'x'; 3_000_000]));
    let answer = to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
}

#[test]
fn a_header_bomb_is_refused() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
    let line = format!("x: {}\r\n", "y".repeat(1000));
    let sent = (0..1_000_000).take_while(|_| stream.write_all(line.as_bytes()).is_ok()).count();
    assert!(sent < 100_000, "{sent} lines were taken");
    assert!(to_end(&mut stream).starts_with("HTTP/1.1 431"));
}

#[test]
fn many_headers_long_headers_and_long_lines_are_refused() {
    let server = Server::start(&[]);
    for request in [
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)),
        format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(25_000)),
        format!("GET /{} HTTP/1.1\r\na: b\r\n\r\n", "b".repeat(100_000)),
    ] {
        let answer = server.talk(&request);
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let fits = format!("host: a\r\nx-long: {}\r\nconnection: close\r\n\r\n", "b".repeat(15_000));
    let answer = server.talk(&format!("GET /_jeton/live HTTP/1.1\r\n{fits}"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn what_is_not_http_is_refused() {
    let server = Server::start(&[]);
    for request in
        ["hello\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET  HTTP/9\r\n\r\n", "\u{16}\u{3}\u{1}x\r\n"]
    {
        let answer = server.talk(request);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(server.talk(LIVE_AND_CLOSE).starts_with("HTTP/1.1 200"));
}

#[test]
fn slow_and_silent_clients_are_cut_off() {
    let server = Server::start(&[
        "jeton.http.header.timeout=2s",
        "jeton.http.body.timeout=2s",
        "jeton.http.idle.timeout=2s",
    ]);
    let sent = ["", "GET / HT", &(token_head(&length(10)) + "{"), LIVE];
    let mut streams = sent.map(|text| {
        let mut stream = server.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    });
    let [silence, half_a_head, slow, idle] = streams.each_mut().map(to_end);
    assert_eq!([silence, half_a_head], ["", ""]);
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
}

#[test]
fn a_client_that_drips_its_head_is_cut_off() {
    let server = Server::start(&["jeton.http.header.timeout=2s"]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    let is_cut_off = |stream: &mut TcpStream| match stream.read(&mut [0; 64]) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    let drips = (0..1000)
        .take_while(|_| stream.write_all(b"a: b\r\n").is_ok() && !is_cut_off(&mut stream))
        .count();
    assert!(drips < 1000, "the head may last for ever");
}

#[test]
fn a_new_connection_pushes_out_the_oldest_idle_one() {
    let server = Server::start(&["jeton.http.connections.max=16"]);
    let idle: Vec<TcpStream> = (0..64).map(|_| server.connect()).collect();
    let answer = server.talk(LIVE_AND_CLOSE);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
}

#[test]
fn thousands_of_idle_connections_leave_room_for_work() {
    let server = Server::start(&[]);
    let idle: Vec<TcpStream> = (0..5_000).map(|_| server.connect()).collect();
    let answer = server.talk(LIVE_AND_CLOSE);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
}

#[test]
fn users_who_are_taken_out_of_the_file_are_locked_out() {
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users");
    // The password is `x-pack-test-password`.
    let line = "ann:$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm\n";
    std::fs::write(&users, line).unwrap();
    let server = Server::start_in(directory, &["resource.reload.interval.high=10ms"]);
    let request = "GET /_security/_authenticate HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                   authorization: Basic YW5uOngtcGFjay10ZXN0LXBhc3N3b3Jk\r\n\r\n";
    let answer = server.talk(request);
    assert!(answer.contains("\"username\":\"ann\""), "{answer}");
    std::fs::write(&users, "").unwrap();
    let locked_out = (0..20_000).any(|_| server.talk(request).starts_with("HTTP/1.1 401"));
    assert!(locked_out);
}

#[test]
fn a_stop_lets_requests_under_way_end_and_takes_no_new_ones() {
    let mut server = Server::start(&[]);
    let mut under_way = server.connect();
    let mut idle = server.connect();
    let lines = length(GRANT.len()) + "expect: 100-continue\r\n";
    under_way.write_all(token_head(&lines).as_bytes()).unwrap();
    // The body is asked for: the request is under way.
    assert!(head(&mut under_way).starts_with("HTTP/1.1 100"));
    let address = server.address;
    let stopping = std::thread::spawn(move || server.stop());
    // The idle connection ends when the stop has begun.
    assert!(is_ended(&mut idle));
    under_way.write_all(GRANT.as_bytes()).unwrap();
    let answer = to_end(&mut under_way);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stopping.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let mut server = Server::start(&["jeton.http.stop.timeout=100ms"]);
    let mut under_way = server.connect();
    let lines = length(GRANT.len()) + "expect: 100-continue\r\n";
    under_way.write_all(token_head(&lines).as_bytes()).unwrap();
    assert!(head(&mut under_way).starts_with("HTTP/1.1 100"));
    server.stop();
}

#[test]
fn api_keys_are_offered_unless_they_are_off() {
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let offers = |overrides: &[&str]| {
        let answer = Server::start(overrides).talk(request);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        answer.contains("www-authenticate: ApiKey\r\n")
    };
    assert!(offers(&[]));
    assert!(!offers(&["xpack.security.authc.api_key.enabled=false"]));
}
