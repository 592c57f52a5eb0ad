//! Clients that ask for too much, too slowly or too often: what each may cost is bounded.
//!
//! The real server, over real sockets. Every wait is a read with a deadline.

#[cfg(test)]
mod bounds {
    use std::io::{self, ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use jeton_testkit::answers::{Asked, faults};
    use jeton_testkit::process::{ELASTIC_PASSWORD, Server, Site};
    use jeton_testkit::stopwatch::Stopwatch;
    use jeton_testkit::wire::{Answer, Client, basic};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_body_of_a_gigabyte_is_refused_and_costs_no_memory() {
        let server = start(&Site::new().unwrap());
        check_it_answers(&server);
        let before = server.memory().unwrap().most;
        for framing in [Framing::Declared, Framing::Chunked] {
            let (sent, answer) = stream_gigabyte(&server, framing);
            assert_eq!(answer.status, 413, "{framing:?}");
            assert_eq!(faults(&answer, Asked::Whole), [""; 0], "{framing:?}");
            // What the server, the sockets and this client buffer beyond the limit of 100 MB.
            let sent_max = match framing {
                Framing::Declared => 32 * MIB,
                Framing::Chunked => 150 * MIB,
            };
            assert!(sent < sent_max, "{framing:?}: {sent} bytes were taken");
        }
        let grown = server.memory().unwrap().most - before;
        // One body up to the limit is collected before the chunk that is too much, and growing it
        // by doubling holds its halves at once; a declared one costs nothing.
        assert!(grown < 320 * MIB, "{} MiB more than before", grown / MIB);
        check_it_answers(&server);
    }

    #[test]
    fn a_strangers_gigabyte_is_not_read() {
        let server = start(&Site::new().unwrap());
        check_it_answers(&server);
        let before = server.memory().unwrap().most;
        let mut stream = server.connect().unwrap();
        stream.write_all(b"POST /_security/oauth2/token HTTP/1.1\r\nhost: h\r\n").unwrap();
        stream.write_all(b"content-type: application/json\r\n").unwrap();
        stream.write_all(b"transfer-encoding: chunked\r\n\r\n").unwrap();
        let sent = pour(&mut stream, Framing::Chunked);
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, 401);
        assert!(sent < 32 * MIB, "{sent} bytes were taken");
        let grown = server.memory().unwrap().most - before;
        assert!(grown < 16 * MIB, "{} MiB more than before", grown / MIB);
    }

    #[test]
    fn who_expects_100_continue_is_refused_before_the_upload() {
        let server = start(&Site::new().unwrap());
        let mut stream = server.connect().unwrap();
        let head = format!(
            "{}content-length: 1073741824\r\nexpect: 100-continue\r\n\r\n",
            head(&elastic())
        );
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, 413, "not a byte of the body was sent, nor asked for");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the connection ends behind the refusal");
        check_it_answers(&server);
    }

    #[test]
    fn who_expects_100_continue_with_a_fair_length_is_asked_for_the_body() {
        let server = start(&Site::new().unwrap());
        let mut stream = server.connect().unwrap();
        let body = r#"{"grant_type":"client_credentials"}"#;
        let head = head(&elastic());
        let rest = format!("content-length: {}\r\nexpect: 100-continue\r\n\r\n", body.len());
        stream.write_all(format!("{head}{rest}").as_bytes()).unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body.as_bytes()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body.escape_ascii());
    }

    #[test]
    fn ten_thousand_idle_connections_stand_in_nobodys_way() {
        raise_file_limit();
        // However long it takes to open them all, none is cut off meanwhile.
        let site = Site::new()
            .unwrap()
            .with("jeton.http.header.timeout", "1h")
            .with("jeton.http.idle.timeout", "1h");
        let server = start(&site);
        check_it_answers(&server);
        let before = server.memory().unwrap().now;
        let elastic = elastic();
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let stream = server.connect();
            let mut stream = stream.unwrap_or_else(|error| panic!("connection {number}: {error}"));
            // A part of them has begun a request: that holds more than a connection alone.
            if number % 10 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n").unwrap();
            }
            idle.push(stream);
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let watch = Stopwatch::start();
            let mut client = Client::connect(server.address()).unwrap();
            let answer = client.ask("GET", "/_security/_authenticate", &elastic, None).unwrap();
            assert_eq!(answer.status, 200);
            slowest = slowest.max(watch.elapsed());
        }
        assert!(slowest < PATIENCE, "the slowest answer took {slowest:?}");
        let grown = server.memory().unwrap().now.saturating_sub(before);
        let each = grown / u64::try_from(CONNECTIONS).unwrap();
        println!("{each} bytes each, slowest answer {slowest:?}");
        assert!(each < 32 * 1024, "{each} bytes an idle connection");
        for stream in &mut idle {
            stream.set_nonblocking(true).unwrap();
            let error = stream.read(&mut [0]).expect_err("an idle connection is open and silent");
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_cut_off_in_time() {
        let site = Site::new().unwrap().with("jeton.http.header.timeout", "2s");
        let server = start(&site);
        let stream = server.connect().unwrap();
        let endless = head(&elastic()).into_bytes().into_iter().chain("x-a: b\r\n".bytes().cycle());
        let (taken, rest) = drip(&server, stream, endless);
        assert_in_time(taken);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", rest.escape_ascii());
    }

    #[test]
    fn a_body_that_comes_byte_by_byte_is_cut_off_in_time() {
        let site = Site::new().unwrap().with("jeton.http.body.timeout", "2s");
        let server = start(&site);
        let mut stream = server.connect().unwrap();
        let head = format!("{}content-length: 100000\r\n\r\n", head(&elastic()));
        stream.write_all(head.as_bytes()).unwrap();
        let (taken, rest) = drip(&server, stream, std::iter::repeat(b' '));
        assert_in_time(taken);
        assert!(rest.starts_with(b"HTTP/1.1 408"), "{}", rest.escape_ascii());
    }

    #[test]
    fn an_idle_connection_is_closed_in_time() {
        let site = Site::new().unwrap().with("jeton.http.idle.timeout", "1s");
        let server = start(&site);
        let mut stream = server.connect().unwrap();
        let watch = Stopwatch::start();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the server closes it");
        assert_in_time(watch.elapsed());
    }

    #[test]
    fn heads_beyond_the_limits_are_refused() {
        let server = start(&Site::new().unwrap());
        check_it_answers(&server);
        let before = server.memory().unwrap().most;
        let lines = "x-a: b\r\n".repeat(10_000);
        let large = format!("x-a: {}\r\n", "b".repeat(1024 * 1024));
        let target = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(1024 * 1024));
        let get = "GET / HTTP/1.1\r\nhost: h\r\n";
        for bomb in [format!("{get}{lines}\r\n"), format!("{get}{large}\r\n"), target] {
            let mut stream = server.connect().unwrap();
            // The server may end the connection before all of it is sent.
            let _sent = stream.write_all(bomb.as_bytes());
            let answer = read_answer(&mut stream).unwrap();
            assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status);
            check_it_answers(&server);
        }
        let grown = server.memory().unwrap().most - before;
        assert!(grown < 16 * MIB, "{} MiB more than before", grown / MIB);
    }

    #[test]
    fn a_small_upload_that_unpacks_to_a_gigabyte_is_refused() {
        use flate2::{Compression, write::GzEncoder};
        let server = start(&Site::new().unwrap());
        check_it_answers(&server);
        let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
        let blanks = vec![b' '; 1024 * 1024];
        for _ in 0..1024 {
            coder.write_all(&blanks).unwrap();
        }
        let bomb = coder.finish().unwrap();
        let before = server.memory().unwrap().most;
        let mut stream = server.connect().unwrap();
        let lengths = format!("content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
        stream.write_all(format!("{}{lengths}", head(&elastic())).as_bytes()).unwrap();
        stream.write_all(&bomb).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 413);
        let grown = server.memory().unwrap().most - before;
        assert!(grown < 320 * MIB, "{} MiB more than before", grown / MIB);
    }

    #[derive(Clone, Copy, Debug)]
    enum Framing {
        Declared,
        Chunked,
    }

    /// Sends a gigabyte until the server ends it; what was sent and what was answered.
    fn stream_gigabyte(server: &Server, framing: Framing) -> (u64, Answer) {
        let mut stream = server.connect().unwrap();
        let length = match framing {
            Framing::Declared => format!("content-length: {GIB}\r\n\r\n"),
            Framing::Chunked => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        };
        stream.write_all(format!("{}{length}", head(&elastic())).as_bytes()).unwrap();
        let sent = pour(&mut stream, framing);
        (sent, read_answer(&mut stream).unwrap())
    }

    /// Sends until all is sent, an answer has come, or the server takes no more.
    fn pour(stream: &mut TcpStream, framing: Framing) -> u64 {
        let piece = vec![b' '; 64 * 1024];
        let chunk = [b"10000\r\n", &piece[..], b"\r\n"].concat();
        let bytes = match framing {
            Framing::Declared => &piece,
            Framing::Chunked => &chunk,
        };
        let mut sent = 0;
        while sent < GIB && !has_answer(stream) {
            if stream.write_all(bytes).is_err() {
                break;
            }
            sent += 64 * 1024;
        }
        sent
    }

    fn has_answer(stream: &TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        !seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a byte at a time, each after a short wait for an answer, until the server ends it.
    ///
    /// Others are served meanwhile. Returns how long it took and what was answered.
    fn drip(
        server: &Server,
        mut stream: TcpStream,
        bytes: impl Iterator<Item = u8>,
    ) -> (Duration, Vec<u8>) {
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let watch = Stopwatch::start();
        let mut answer = Vec::new();
        for (number, byte) in bytes.enumerate() {
            assert!(watch.elapsed() < PATIENCE, "nobody cuts off a slow client");
            if stream.write_all(&[byte]).is_err() {
                break;
            }
            if number % 20 == 0 {
                check_it_answers(server);
            }
            let mut piece = [0; 1024];
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        (watch.elapsed(), answer)
    }

    #[track_caller]
    fn assert_in_time(taken: Duration) {
        assert!(taken < PATIENCE, "it took {taken:?}");
    }

    #[track_caller]
    fn start(site: &Site) -> Server {
        Server::start(site).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn check_it_answers(server: &Server) {
        let mut client = Client::connect(server.address()).unwrap();
        let answer = client.ask("GET", "/_security/_authenticate", &elastic(), None).unwrap();
        assert_eq!(answer.status, 200);
    }

    fn elastic() -> String {
        basic("elastic", ELASTIC_PASSWORD)
    }

    /// The head of a token request, without its end.
    fn head(authorization: &str) -> String {
        format!(
            "POST /_security/oauth2/token HTTP/1.1\r\nhost: h\r\n\
             content-type: application/json\r\nauthorization: {authorization}\r\n"
        )
    }

    fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
        Client::on(stream.try_clone()?).receive()
    }

    /// Two processes hold each connection; both need room for all of them.
    fn raise_file_limit() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let needed = u64::try_from(CONNECTIONS).unwrap() + 500;
        assert!(
            hard.is_none_or(|hard| hard >= needed),
            "the hard limit of open files is {hard:?}: raise it to {needed} (ulimit -Hn)"
        );
        setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
    }

    const GIB: u64 = 1024 * MIB;

    const CONNECTIONS: usize = 10_000;

    /// Longer than the two seconds that these tests set, on a busy machine too; shorter than what
    /// holds where nothing is set.
    const PATIENCE: Duration = Duration::from_secs(25);
}
