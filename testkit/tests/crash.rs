//! A real server is killed at random moments under load; nothing it acknowledged may be lost.
//!
//! `JETON_CRASH_ROUNDS` says how often (default 3), `JETON_CRASH_SEED` repeats a run. Each worker
//! has a user of its own and keeps a ledger of what was answered; what was under way when the
//! server died may have happened or not.

#[cfg(test)]
mod crash {
    use std::io;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread::ScopedJoinHandle;
    use std::time::{SystemTime, UNIX_EPOCH};

    use jeton_testkit::process::{ELASTIC_PASSWORD, Server, Site};
    use jeton_testkit::wire::{Answer, Client, basic, bearer};
    use serde_json::json;

    const WORKERS: usize = 4;
    const PASSWORD: &str = "worker-password";
    const TOKEN: &str = "/_security/oauth2/token";

    #[test]
    fn nothing_acknowledged_is_lost_by_sigkill() {
        let rounds = number("JETON_CRASH_ROUNDS").unwrap_or(3);
        let seed = number("JETON_CRASH_SEED").unwrap_or_else(some_seed);
        println!("seed {seed}, {rounds} rounds");
        let site = Site::new().unwrap().with("xpack.security.authc.token.timeout", "1h");
        let mut random = Random(seed);
        let mut ledgers: Vec<Ledger> = (0..WORKERS).map(Ledger::new).collect();
        let mut checked = 0;
        for round in 0..rounds {
            let server = start(&site);
            let mut client = Client::connect(server.address()).unwrap();
            if round == 0 {
                for ledger in &ledgers {
                    ledger.make_user(&mut client);
                }
            }
            checked += ledgers.iter_mut().map(|ledger| ledger.check(&mut client)).sum::<usize>();
            run(server, &mut ledgers, &mut random);
        }
        let server = start(&site);
        let mut client = Client::connect(server.address()).unwrap();
        checked += ledgers.iter_mut().map(|ledger| ledger.check(&mut client)).sum::<usize>();
        assert!(server.stop().unwrap().success());
        println!("{checked} acknowledged outcomes were found again after {rounds} kills");
        assert!(checked > usize::try_from(rounds).unwrap(), "the load reached the server");
    }

    fn start(site: &Site) -> Server {
        Server::start(site).unwrap_or_else(|error| panic!("it starts after a kill: {error}"))
    }

    /// Puts the server under load and kills it after a random number of answers.
    fn run(server: Server, ledgers: &mut [Ledger], random: &mut Random) {
        let answers = AtomicU64::new(0);
        let last = 20 + random.below(300);
        let address = server.address();
        std::thread::scope(|scope| {
            let work = |ledger: &mut Ledger, mut random: Random| {
                let Ok(mut client) = Client::connect(address) else { return };
                while ledger.act(&mut client, &mut random).is_ok() {
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            };
            let workers: Vec<_> = ledgers
                .iter_mut()
                .map(|ledger| {
                    let random = Random(random.next());
                    scope.spawn(move || work(ledger, random))
                })
                .collect();
            let is_enough = || answers.load(Ordering::SeqCst) >= last;
            while !is_enough() && workers.iter().any(|worker| !worker.is_finished()) {
                std::thread::yield_now();
            }
            let is_loaded = is_enough();
            server.kill().unwrap();
            let outcomes: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            assert!(outcomes.iter().all(Result::is_ok), "a worker was answered wrongly");
            assert!(is_loaded, "every worker ended before the server was killed");
        });
    }

    /// What one worker was told.
    struct Ledger {
        user: String,
        pairs: Vec<Known>,
        /// Something of this worker was under way when the server died: counts cannot be exact.
        is_torn: bool,
    }

    struct Known {
        access: String,
        refresh: String,
        access_is: State,
        refresh_is: State,
        successor: Option<(String, String)>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum State {
        Live,
        Revoked,
        /// A revocation was under way.
        Unsure,
    }

    impl Ledger {
        fn new(number: usize) -> Self {
            Self { user: format!("worker{number}"), pairs: Vec::new(), is_torn: false }
        }

        fn make_user(&self, client: &mut Client) {
            let body = json!({"password": PASSWORD, "roles": []});
            let target = format!("/_security/user/{}", self.user);
            let answer = client.ask("PUT", &target, &elastic(), Some(&body)).unwrap();
            assert_eq!(answer.status, 200, "{:?}", answer.json());
        }

        /// One step of load. Fails when the server is gone.
        fn act(&mut self, client: &mut Client, random: &mut Random) -> io::Result<()> {
            let place = random.place(self.pairs.len().max(1));
            let choice = if self.pairs.is_empty() { 0 } else { random.below(20) };
            match choice {
                0..=7 => self.issue(client),
                8..=12 => self.refresh(client, place),
                13..=15 => self.revoke_access(client, place),
                16..=18 => self.revoke_refresh(client, place),
                _ => self.revoke_user(client),
            }
        }

        fn issue(&mut self, client: &mut Client) -> io::Result<()> {
            let body = json!({
                "grant_type": "password", "username": self.user, "password": PASSWORD,
            });
            self.is_torn = true;
            let answer = client.ask("POST", TOKEN, &elastic(), Some(&body))?;
            self.is_torn = false;
            assert_eq!(answer.status, 200, "{:?}", answer.json());
            self.pairs.push(Known::of(&answer));
            Ok(())
        }

        fn refresh(&mut self, client: &mut Client, place: usize) -> io::Result<()> {
            let known = &mut self.pairs[place];
            let body = json!({"grant_type": "refresh_token", "refresh_token": known.refresh});
            self.is_torn = true;
            let answer = client.ask("POST", TOKEN, &elastic(), Some(&body))?;
            self.is_torn = false;
            if known.refresh_is == State::Revoked {
                assert_eq!(answer.status, 400, "a revoked refresh token is refused");
                return Ok(());
            }
            if answer.status != 200 {
                check_spent(known, &answer);
                return Ok(());
            }
            let strings = (answer.text("/access_token"), answer.text("/refresh_token"));
            if let Some(before) = &known.successor {
                assert_eq!(*before, strings, "a repeat gives the same strings");
                return Ok(());
            }
            known.successor = Some(strings);
            self.pairs.push(Known::of(&answer));
            Ok(())
        }

        fn revoke_access(&mut self, client: &mut Client, place: usize) -> io::Result<()> {
            let known = &mut self.pairs[place];
            let before = std::mem::replace(&mut known.access_is, State::Unsure);
            let body = json!({"token": known.access});
            let answer = client.ask("DELETE", TOKEN, &elastic(), Some(&body))?;
            known.access_is = State::Revoked;
            check_revoked(&answer, before);
            Ok(())
        }

        fn revoke_refresh(&mut self, client: &mut Client, place: usize) -> io::Result<()> {
            let known = &mut self.pairs[place];
            let before = std::mem::replace(&mut known.refresh_is, State::Unsure);
            let body = json!({"refresh_token": known.refresh});
            let answer = client.ask("DELETE", TOKEN, &elastic(), Some(&body))?;
            known.refresh_is = State::Revoked;
            check_revoked(&answer, before);
            Ok(())
        }

        fn revoke_user(&mut self, client: &mut Client) -> io::Result<()> {
            let (mut live, mut dead, mut is_sure) = (0, 0, !self.is_torn);
            for known in &self.pairs {
                let halves = [known.access_is, known.refresh_is];
                is_sure &= !halves.contains(&State::Unsure);
                let alive = halves.iter().filter(|half| **half == State::Live).count();
                if alive > 0 {
                    live += alive;
                    dead += halves.len() - alive;
                }
            }
            for known in &mut self.pairs {
                known.doubt();
            }
            self.is_torn = true;
            let body = json!({"username": self.user});
            let answer = client.ask("DELETE", TOKEN, &elastic(), Some(&body))?;
            assert_eq!(answer.status, 200, "{:?}", answer.json());
            if is_sure {
                let wanted = json!({
                    "invalidated_tokens": live, "previously_invalidated_tokens": dead,
                    "error_count": 0,
                });
                assert_eq!(answer.json(), wanted, "the counts are exact");
            }
            for known in &mut self.pairs {
                (known.access_is, known.refresh_is) = (State::Revoked, State::Revoked);
            }
            self.is_torn = false;
            Ok(())
        }

        /// Looks for everything that was acknowledged, and forgets the older half of it.
        fn check(&mut self, client: &mut Client) -> usize {
            let mut checked = 0;
            for known in &mut self.pairs {
                checked += known.check(client);
            }
            let older = self.pairs.len() / 2;
            if self.pairs.len() > 200 {
                self.pairs.drain(..older);
                self.is_torn = true;
            }
            if self.is_torn {
                self.revoke_user(client).unwrap();
            }
            checked
        }
    }

    impl Known {
        fn of(answer: &Answer) -> Self {
            let (access, refresh) = (answer.text("/access_token"), answer.text("/refresh_token"));
            assert!(!access.is_empty() && !refresh.is_empty());
            Self {
                access,
                refresh,
                access_is: State::Live,
                refresh_is: State::Live,
                successor: None,
            }
        }

        /// A bulk revocation is under way: what lived may be dead.
        fn doubt(&mut self) {
            for half in [&mut self.access_is, &mut self.refresh_is] {
                if *half == State::Live {
                    *half = State::Unsure;
                }
            }
        }

        fn check(&mut self, client: &mut Client) -> usize {
            let target = "/_security/_authenticate";
            let answer = client.ask("GET", target, &bearer(&self.access), None).unwrap();
            match self.access_is {
                State::Live => assert_eq!(answer.status, 200, "an acknowledged token opens"),
                State::Revoked => assert_eq!(answer.status, 401, "a revoked token stays dead"),
                State::Unsure if answer.status == 200 => self.access_is = State::Live,
                State::Unsure => self.access_is = State::Revoked,
            }
            let body = json!({"grant_type": "refresh_token", "refresh_token": self.refresh});
            if self.refresh_is == State::Live && self.successor.is_none() {
                return 1;
            }
            let answer = client.ask("POST", TOKEN, &elastic(), Some(&body)).unwrap();
            let why = answer.text("/error_description");
            match (self.refresh_is, &self.successor) {
                (State::Revoked, _) => assert_eq!(why, "token has been invalidated"),
                (State::Unsure, _) if why == "token has been invalidated" => {
                    self.refresh_is = State::Revoked;
                }
                (State::Unsure | State::Live, Some((access, refresh))) if answer.status == 200 => {
                    let strings = (&answer.text("/access_token"), &answer.text("/refresh_token"));
                    assert_eq!(strings, (access, refresh), "an acknowledged refresh holds");
                }
                (State::Unsure | State::Live, _) if answer.status == 200 => {}
                (State::Unsure | State::Live, _) => check_spent(self, &answer),
            }
            2
        }
    }

    #[track_caller]
    fn check_revoked(answer: &Answer, before: State) {
        assert_eq!(answer.status, 200, "{:?}", answer.json());
        let counts = answer.json();
        match before {
            State::Live => assert_eq!(counts["invalidated_tokens"], 1),
            State::Revoked => assert_eq!(counts["previously_invalidated_tokens"], 1),
            State::Unsure => {}
        }
    }

    /// A refresh token that is refused though nobody revoked it was used more than 30 s ago.
    #[track_caller]
    fn check_spent(known: &Known, answer: &Answer) {
        let why = answer.text("/error_description");
        let spent = "token has already been refreshed more than 30 seconds in the past";
        let is_revoked = known.refresh_is != State::Live && why == "token has been invalidated";
        assert!(why == spent || is_revoked, "{why}: {:?}", known.refresh_is);
    }

    fn elastic() -> String {
        basic("elastic", ELASTIC_PASSWORD)
    }

    fn number(name: &str) -> Option<u64> {
        std::env::var(name).ok()?.parse().ok()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a seed for a run, printed so that it can be repeated"
    )]
    fn some_seed() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_nanos() % u128::from(u64::MAX)).unwrap()
    }

    /// A small generator (xorshift); its quality does not matter here.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = (self.0 | 1)
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 11
        }

        fn place(&mut self, bound: usize) -> usize {
            let bound = u64::try_from(bound).unwrap();
            usize::try_from(self.below(bound)).unwrap()
        }

        fn below(&mut self, bound: u64) -> u64 {
            self.next() % bound
        }
    }
}
