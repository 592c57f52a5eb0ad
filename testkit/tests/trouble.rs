//! Histories of trouble, against the real server: a full disk, a caller who hangs up, two servers
//! on one directory, a stop in the middle of work.

#[cfg(test)]
mod trouble {
    use std::fs;
    use std::io::Write as _;
    use std::net::Shutdown;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use jeton_testkit::process::{ELASTIC_PASSWORD, Server, Site};
    use jeton_testkit::stopwatch::Stopwatch;
    use jeton_testkit::wire::{Answer, Client, basic, bearer};
    use serde_json::json;

    const TOKEN: &str = "/_security/oauth2/token";
    const AUTHENTICATE: &str = "/_security/_authenticate";

    /// Far longer than the server may believe what it heard of the disk.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_second_server_on_one_directory_is_refused_and_the_first_goes_on() {
        let site = Site::new().unwrap();
        let server = Server::start(&site).unwrap();
        let refused = Server::start(&site).unwrap_err().to_string();
        assert!(refused.contains("in use by another process"), "{refused}");
        let mut client = Client::connect(server.address()).unwrap();
        assert_eq!(grant(&mut client).status, 200);
    }

    #[test]
    fn a_caller_who_hangs_up_leaves_the_cache_right() {
        let site = Site::new().unwrap();
        let server = Server::start(&site).unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        let (mut carried_out, mut not) = (0, 0);
        while carried_out < 20 && not < 2_000 {
            let token = grant(&mut client).text("/access_token");
            assert_eq!(open_door(&mut client, &token), 200, "the token is cached now");
            let body = json!({"token": token});
            let mut hasty = Client::connect(server.address()).unwrap();
            hasty.send("DELETE", TOKEN, &elastic(), Some(&body)).unwrap();
            hasty.hang_up(Shutdown::Both).unwrap();
            // Whether the request was carried out is told by a second one, and the door must agree
            // with it. The door is asked in between too: once shut it stays shut.
            let between = open_door(&mut client, &token);
            let answer = client.ask("DELETE", TOKEN, &elastic(), Some(&body)).unwrap();
            assert_eq!(open_door(&mut client, &token), 401);
            if answer.json()["previously_invalidated_tokens"] == 1 {
                carried_out += 1;
            } else {
                assert_eq!(between, 200, "nothing was revoked, so the door was open");
                not += 1;
            }
        }
        assert!(carried_out > 0, "no request was carried out after its caller had gone");
    }

    #[test]
    fn a_stop_ends_what_is_under_way_and_loses_nothing() {
        let site = Site::new().unwrap();
        let server = Server::start(&site).unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        let granted = grant(&mut client);
        let token = granted.text("/access_token");
        assert!(server.stop().unwrap().success());
        let server = Server::start(&site).unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        assert_eq!(open_door(&mut client, &token), 200);
        let body = json!({
            "grant_type": "refresh_token", "refresh_token": granted.text("/refresh_token"),
        });
        let refreshed = client.ask("POST", TOKEN, &elastic(), Some(&body)).unwrap();
        assert_eq!(refreshed.status, 200);
    }

    #[test]
    fn a_full_disk_still_lets_a_token_be_revoked() {
        let site = Site::new().unwrap();
        let disk = SmallDisk::mount(&site.data(), 256);
        let server = Server::start(&site).unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        let mut tokens: Vec<String> =
            (0..50).map(|_| grant(&mut client).text("/access_token")).collect();
        disk.fill();
        tokens.extend(grants_until(&mut client, 503));
        assert!((0..100).all(|_| grant(&mut client).status == 503), "a full disk stays full");
        let (first, rest) = tokens.split_first().unwrap();
        assert_eq!(revoke(&mut client, &json!({"token": first})), (200, 1));
        assert_eq!(open_door(&mut client, first), 401);
        assert_eq!(open_door(&mut client, &rest[0]), 200);
        let halves = u64::try_from(rest.len()).unwrap() * 2 + 1;
        assert_eq!(revoke(&mut client, &json!({"username": "elastic"})), (200, halves));
        assert!(rest.iter().all(|token| open_door(&mut client, token) == 401));
        assert_eq!(grant(&mut client).status, 503);
        let health = client.ask("GET", "/_cluster/health", &elastic(), None).unwrap();
        assert_eq!(health.text("/status"), "yellow");
        // Not even a crash on the full disk revives a token.
        server.kill().unwrap();
        let server = Server::start(&site).unwrap();
        let mut client = Client::connect(server.address()).unwrap();
        assert!(tokens.iter().all(|token| open_door(&mut client, token) == 401));
        disk.empty();
        let granted = grants_until(&mut client, 200);
        assert_eq!(open_door(&mut client, granted.last().unwrap()), 200);
        assert!(server.stop().unwrap().success());
    }

    /// The server looks at the disk now and then: it is asked until it has seen what is free, and
    /// answers with this status. Gives the access tokens that it granted up to then.
    fn grants_until(client: &mut Client, status: u16) -> Vec<String> {
        let watch = Stopwatch::start();
        let mut tokens = Vec::new();
        loop {
            let answer = grant(client);
            match answer.status {
                200 => tokens.push(answer.text("/access_token")),
                503 => {}
                _ => panic!("{}: {:?}", answer.status, answer.json()),
            }
            if answer.status == status {
                return tokens;
            }
            assert!(watch.elapsed() < PATIENCE, "what is free is not noticed");
        }
    }

    fn grant(client: &mut Client) -> Answer {
        let body = json!({
            "grant_type": "password", "username": "elastic", "password": ELASTIC_PASSWORD,
        });
        client.ask("POST", TOKEN, &elastic(), Some(&body)).unwrap()
    }

    fn open_door(client: &mut Client, token: &str) -> u16 {
        client.ask("GET", AUTHENTICATE, &bearer(token), None).unwrap().status
    }

    fn revoke(client: &mut Client, body: &serde_json::Value) -> (u16, u64) {
        let answer = client.ask("DELETE", TOKEN, &elastic(), Some(body)).unwrap();
        let count = answer.json()["invalidated_tokens"].as_u64();
        (answer.status, count.unwrap_or_else(|| panic!("{:?}", answer.json())))
    }

    fn elastic() -> String {
        basic("elastic", ELASTIC_PASSWORD)
    }

    /// A file system of its own in memory, small enough to be filled. Needs the right to mount.
    struct SmallDisk(PathBuf);

    impl SmallDisk {
        fn mount(at: &Path, mib: u32) -> Self {
            fs::create_dir_all(at).unwrap();
            let size = format!("size={mib}m");
            let status =
                Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).status();
            let is_mounted = status.is_ok_and(|status| status.success());
            assert!(is_mounted, "this test mounts a small file system: run it as root");
            Self(at.to_owned())
        }

        /// Writes until nothing fits any more.
        fn fill(&self) {
            let mut file = fs::File::create(self.ballast()).unwrap();
            for size in [1 << 20, 4096, 1] {
                let block = vec![1; size];
                while file.write_all(&block).is_ok() {}
            }
        }

        fn empty(&self) {
            fs::remove_file(self.ballast()).unwrap();
        }

        fn ballast(&self) -> PathBuf {
            self.0.join("ballast")
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let status = Command::new("umount").arg("--lazy").arg(&self.0).status();
            assert!(status.is_ok_and(|status| status.success()), "unmounted again");
        }
    }
}
