//! The real program: first start, signals, two servers on one directory, offline commands.

mod support;

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jeton::assembly::{ClockTrust, World};
use jeton_store::engine::BatchId;
use jeton_store::store::Store;
use jeton_store::tables::meta;
use rustix::process::{Pid, Signal, kill_process};
use support::program::{Running, SERVE, first_start, jeton, output, printed, typed};
use support::{GRANT, LIVE_AND_CLOSE, PATIENCE, head, to_end, token_head_of};

/// Identity case 82. The first start stores what there the first login stores.
#[test]
fn a_first_start_makes_keys_and_a_password_and_a_second_one_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let first = Running::start(jeton(directory.path(), &SERVE));
    assert_eq!(first.greeting.len(), 3, "{:?}", first.greeting);
    let password = first.greeting[1].clone();
    assert_eq!(first.status_of("elastic", &password), 200);
    assert_eq!(first.status_of("elastic", "wrong"), 401);
    let log = first.stop(Signal::TERM);
    assert!(log.contains("stopped") && !log.contains(&password), "{log}");

    let keys = std::fs::read(directory.path().join("jeton-config/token.keys")).unwrap();
    let second = Running::start(jeton(directory.path(), &SERVE));
    assert_eq!(second.greeting.len(), 1, "{:?}", second.greeting);
    assert_eq!(second.status_of("elastic", &password), 200);
    second.stop(Signal::INT);
    assert_eq!(keys, std::fs::read(directory.path().join("jeton-config/token.keys")).unwrap());
}

#[test]
fn the_first_password_comes_from_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = jeton(directory.path(), &SERVE);
    command.env("ELASTIC_PASSWORD", "from-outside");
    let server = Running::start(command);
    assert_eq!(server.greeting.len(), 1);
    assert_eq!(server.status_of("elastic", "from-outside"), 200);

    let directory = tempfile::tempdir().unwrap();
    let mut command = jeton(directory.path(), &SERVE);
    let refused = command.env("ELASTIC_PASSWORD", "short").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("ELASTIC_PASSWORD"), "{said}");
    assert!(!said.contains("short,"), "{said}");
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Running::start(jeton(directory.path(), &SERVE));
    let second = output(directory.path(), &SERVE);
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("is in use by another process"), "{said}");
    let mut stream = TcpStream::connect(first.address()).unwrap();
    stream.write_all(LIVE_AND_CLOSE.as_bytes()).unwrap();
    assert!(to_end(&mut stream).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_port_that_is_taken_is_refused_before_the_store_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("http.port={}", taken.local_addr().unwrap().port());
    let refused = output(directory.path(), &["serve", "-E", &port]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("cannot listen on"), "{said}");
    assert!(!directory.path().join("jeton-data").exists());
}

#[test]
fn an_address_that_only_resolves_beyond_loopback_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = output(directory.path(), &["serve", "-E", "http.host=0.0.0.0"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("without TLS"), "{said}");
}

#[test]
fn passwords_are_reset_with_and_without_a_running_server() {
    let directory = tempfile::tempdir().unwrap();
    let reset = ["reset-password", "-u", "elastic", "-b", "-s"];
    let server = Running::start(jeton(directory.path(), &SERVE));
    let online = printed(directory.path(), &reset);
    assert_eq!(server.status_of("elastic", online.trim()), 200);
    assert_eq!(server.status_of("elastic", &server.greeting[1]), 401);
    server.stop(Signal::TERM);

    let offline = printed(directory.path(), &reset);
    let unknown = output(directory.path(), &["reset-password", "-u", "nobody", "-b"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("must exist"));
    let server = Running::start(jeton(directory.path(), &SERVE));
    assert_eq!(server.status_of("elastic", offline.trim()), 200);
    assert_eq!(server.status_of("elastic", online.trim()), 401);
}

#[test]
fn a_password_may_be_typed_and_the_question_answered() {
    let directory = tempfile::tempdir().unwrap();
    let typed = |arguments: &[&str], text: &str| typed(directory.path(), arguments, text);
    first_start(directory.path());
    let interactive = ["reset-password", "-u", "elastic", "-i"];
    assert!(!typed(&interactive, "n\n").status.success());
    assert!(!typed(&interactive, "").status.success());
    assert!(!typed(&interactive, "y\nbattery-staple\nother\n").status.success());
    assert!(!typed(&interactive, "y\nshort\nshort\n").status.success());
    let done = typed(&interactive, "y\nbattery-staple\nbattery-staple\n");
    assert!(done.status.success());
    assert!(!String::from_utf8(done.stdout).unwrap().contains("battery"));
    let server = Running::start(jeton(directory.path(), &SERVE));
    assert_eq!(server.status_of("elastic", "battery-staple"), 200);
}

#[test]
fn keys_are_added_activated_and_retired() {
    let directory = tempfile::tempdir().unwrap();
    let keys = |arguments: &[&str]| printed(directory.path(), &[&["keys"], arguments].concat());
    let states = || -> Vec<String> {
        let listed = keys(&["list"]);
        listed
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
            .collect()
    };
    let server = Running::start(jeton(directory.path(), &SERVE));
    assert_eq!(states(), ["active"]);
    keys(&["add"]);
    assert_eq!(states(), ["active", "added"]);
    keys(&["activate", "2"]);
    assert_eq!(states(), ["passive", "active"]);
    let refused = output(directory.path(), &["keys", "retire", "2"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("activate another key first"));
    keys(&["retire", "1"]);
    keys(&["retire", "2", "--compromised"]);
    assert_eq!(states(), ["retired", "retired", "active"]);
    server.stop(Signal::TERM);
    assert_eq!(states(), ["retired", "retired", "active"]);
    let file = std::fs::read_to_string(directory.path().join("jeton-config/token.keys")).unwrap();
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() == 2 && lines[0].starts_with("store ") && lines[1].starts_with("3 "));
}

#[test]
fn an_order_without_a_store_is_refused_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["keys", "list"][..],
        &["keys", "add"],
        &["keys", "retire", "1", "--compromised"],
        &["keys", "lost"],
        &["reset-password", "-u", "elastic", "-b"],
    ] {
        let refused = output(directory.path(), arguments);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{arguments:?}");
        let data = directory.path().canonicalize().unwrap().join("jeton-data");
        assert!(said.contains(&format!("no store in [{}]", data.display())), "{said}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_store_leaves_the_key_file_of_another_store_alone() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    first_start(one.path());
    first_start(other.path());
    let path = one.path().join("jeton-config/token.keys");
    let config = one.path().join("jeton-config/jeton.yml");
    std::fs::write(&config, "").unwrap();
    let before = std::fs::read(&path).unwrap();
    for arguments in [
        &["keys", "list"][..],
        &["keys", "add"],
        &["keys", "retire", "1", "--compromised"],
        &["keys", "lost"],
        &SERVE,
    ] {
        let all = [arguments, &["--config", config.to_str().unwrap()]].concat();
        let refused = output(other.path(), &all);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains("another store"), "{said}");
        assert_eq!(before, std::fs::read(&path).unwrap());
    }
}

#[test]
fn a_running_server_keeps_its_keys_when_the_file_turns_bad() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&SERVE[..], &["-E", "resource.reload.interval.high=10ms"]].concat();
    let mut server = Running::start(jeton(directory.path(), &arguments));
    let token = server.token(&server.greeting[1]);
    let path = directory.path().join("jeton-config/token.keys");
    let good = std::fs::read_to_string(&path).unwrap();
    let other_key = format!("1 {}\n", STANDARD.encode([7; 32]));
    for bad in ["", "rubbish", &other_key, "store other\n"] {
        std::fs::write(&path, bad).unwrap();
        let line = server.wait_for("the key file is refused");
        assert!(line.contains("ERROR"), "{line}");
        assert!(server.accepts(&token));
        let order = output(directory.path(), &["keys", "add"]);
        assert!(!order.status.success(), "a bad file is not written over");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        std::fs::write(&path, &good).unwrap();
        server.wait_for("the key file was read again");
    }
    assert!(server.accepts(&token));
    server.stop(Signal::TERM);
}

#[test]
fn a_store_whose_keys_are_not_in_the_file_refuses_to_start_and_names_them() {
    let directory = tempfile::tempdir().unwrap();
    first_start(directory.path());
    let path = directory.path().join("jeton-config/token.keys");
    let path = path.canonicalize().unwrap();
    std::fs::remove_file(&path).unwrap();
    let refused = output(directory.path(), &SERVE);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success(), "{said}");
    let named = format!("lists key 1, which the key file [{}] does not hold", path.display());
    assert!(said.contains(&named) && said.contains("`jeton keys lost`"), "{said}");
    assert!(!path.exists());
}

#[test]
fn lost_keys_are_replaced_and_their_tokens_are_dead() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::start(jeton(directory.path(), &SERVE));
    let password = server.greeting[1].clone();
    let token = server.token(&password);
    assert!(!output(directory.path(), &["keys", "lost"]).status.success(), "nothing is lost");
    server.stop(Signal::TERM);
    std::fs::remove_file(directory.path().join("jeton-config/token.keys")).unwrap();
    assert!(printed(directory.path(), &["keys", "list"]).contains("NO"));
    printed(directory.path(), &["reset-password", "-u", "kibana", "-b"]);
    let said = printed(directory.path(), &["keys", "lost"]);
    assert!(said.contains("Lost: key 1"), "{said}");
    let server = Running::start(jeton(directory.path(), &SERVE));
    assert!(!server.accepts(&token));
    assert!(server.accepts(&server.token(&password)));
}

#[test]
fn a_second_signal_stops_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&SERVE[..], &["-E", "jeton.http.stop.timeout=1h"]].concat();
    let mut server = Running::start(jeton(directory.path(), &arguments));
    let mut under_way = TcpStream::connect(server.address()).unwrap();
    under_way.set_read_timeout(Some(PATIENCE)).unwrap();
    let lines = format!("content-length: {}\r\nexpect: 100-continue\r\n", GRANT.len());
    let login = format!("elastic:{}", server.greeting[1]);
    under_way.write_all(token_head_of(&login, &lines).as_bytes()).unwrap();
    assert!(head(&mut under_way).starts_with("HTTP/1.1 100"));
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    server.wait_for("stopping");
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
    server.wait_for("stopping at once");
}

#[test]
fn trouble_is_told_in_the_log_when_it_appears() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&SERVE[..], &["-E", "jeton.disk.reserve=1tb"]].concat();
    let mut command = jeton(directory.path(), &arguments);
    command.env("JETON_LOG", "a=b=c");
    let mut server = Running::start(command);
    server.wait_for("JETON_LOG is not understood");
    let line = server.wait_for("health: trouble");
    assert!(line.contains("WARN") && line.contains("below the reserve"), "{line}");
}

#[test]
fn a_server_without_any_account_warns() {
    let directory = tempfile::tempdir().unwrap();
    let off = "xpack.security.authc.reserved_realm.enabled=false";
    let arguments = [&SERVE[..], &["-E", off]].concat();
    let log = Running::start(jeton(directory.path(), &arguments)).stop(Signal::TERM);
    assert!(log.contains("nobody can log in"), "{log}");
}

#[test]
fn a_clock_far_behind_the_store_is_refused_unless_the_operator_insists() {
    let directory = tempfile::tempdir().unwrap();
    let settings = support::settings(directory.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::of_the_machine(&settings, ClockTrust::Checked).await.unwrap();
        let store = Store::open(Arc::clone(&world.engine), 1 << 20).await.unwrap();
        let mut transaction = store.begin(store.tick(), BatchId([7; 16]));
        let in_a_week = world.clock.now().plus_ms(7 * 24 * 3_600_000);
        let mark = meta::encode_number(in_a_week.ms());
        transaction.put(meta::key(meta::Fact::HighWaterMark), mark);
        transaction.commit().await.unwrap();
        store.close().await.unwrap();
    });
    let serve = [&SERVE[..], &["--data", "."]].concat();
    let refused = output(directory.path(), &serve);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("--accept-clock"), "{said}");
    printed(directory.path(), &["keys", "list", "--data", "."]);
    let insisted = [&serve[..], &["--accept-clock"]].concat();
    let server = Running::start(jeton(directory.path(), &insisted));
    assert_eq!(server.status_of("elastic", &server.greeting[1]), 200);
    server.stop(Signal::TERM);
    // What was insisted on holds from then on.
    Running::start(jeton(directory.path(), &serve)).stop(Signal::TERM);
}

#[test]
fn check_shows_what_is_in_force_and_names_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let shown = printed(directory.path(), &["check", "-E", "cluster.name=c1"]);
    assert!(shown.contains("cluster.name: c1   # from -E"), "{shown}");
    let shown = printed(directory.path(), &["check", "--data", "/x/y"]);
    assert!(shown.contains("path.data: /x/y   # from --data"), "{shown}");
    let wrong = output(directory.path(), &["check", "-E", "http.prt=1"]);
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && said.contains("did you mean [http.port]?"), "{said}");
    let sample = printed(directory.path(), &["check", "--print", "sample"]);
    std::fs::write(directory.path().join("jeton.yml"), sample).unwrap();
    printed(directory.path(), &["check", "--config", "jeton.yml"]);
    assert!(printed(directory.path(), &["check", "--print", "schema"]).starts_with('{'));
    assert!(!directory.path().join("jeton-data").exists());
}

#[test]
fn logs_may_be_json() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&SERVE[..], &["--log-format", "json"]].concat();
    let log = Running::start(jeton(directory.path(), &arguments)).stop(Signal::TERM);
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    for (message, more) in [
        ("started", "\"cluster_uuid\":"),
        ("the first key is made", "\"level\":\"INFO\""),
        ("the first password is set", "\"source\":\"generated\""),
        ("stopped", "\"target\":\"jeton::"),
    ] {
        let wanted = format!("\"message\":\"{message}\"");
        let line = log.lines().find(|line| line.contains(&wanted));
        assert!(line.is_some_and(|line| line.contains(more)), "{message}: {log}");
    }
}

#[test]
fn the_help_explains_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let mut texts = vec![printed(directory.path(), &["--help"])];
    for command in ["serve", "check", "keys", "reset-password", "users"] {
        texts.push(printed(directory.path(), &[command, "--help"]));
    }
    for verb in ["useradd", "userdel", "passwd", "roles", "list"] {
        texts.push(printed(directory.path(), &["users", verb, "--help"]));
    }
    insta::assert_snapshot!("help", texts.join("\n---\n\n"));
    assert!(printed(directory.path(), &["--version"]).starts_with("jeton "));
}
