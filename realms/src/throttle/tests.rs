//! Tests of the throttle, with time as an argument.

use super::*;

const LIMITS: ThrottleLimits = ThrottleLimits {
    free_failures: 3,
    first_delay: Duration::from_secs(1),
    delay_max: Duration::from_mins(1),
    forget_after: Duration::from_mins(10),
    patience: Duration::from_secs(5),
    unresolved_max: 4,
    pairs_max: 100,
    address_failures_max: 10,
    address_recovery: Duration::from_secs(2),
    addresses_max: 10,
};

fn at(seconds: u64) -> BootTime {
    BootTime::from_ms(i64::try_from(seconds * 1000).unwrap())
}

fn after(now: BootTime, wait: Duration) -> BootTime {
    BootTime::from_ms(now.ms() + i64::try_from(wait.as_millis()).unwrap())
}

fn home() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn permit(throttle: &Throttle, name: &str, address: IpAddr, now: BootTime) -> Permit {
    match throttle.admit(&Username::new(name), address, Origin::Caller, now, now) {
        Verdict::Proceed(permit) => permit,
        other => panic!("{name} at {now:?}: {other:?}"),
    }
}

fn wait(throttle: &Throttle, name: &str, address: IpAddr, now: BootTime) -> Duration {
    match throttle.admit(&Username::new(name), address, Origin::Caller, now, now) {
        Verdict::Proceed(permit) => {
            drop(permit);
            Duration::ZERO
        }
        Verdict::Wait(wait) | Verdict::Refuse { retry_after: wait } => wait,
    }
}

fn fail(throttle: &Throttle, name: &str, times: u32, now: BootTime) {
    let mut now = now;
    for _ in 0..times {
        now = after(now, wait(throttle, name, home(), now));
        permit(throttle, name, home(), now).failed(now);
    }
}

#[test]
fn the_first_failures_cost_nothing_and_each_further_one_doubles_the_delay() {
    let throttle = Throttle::new(LIMITS);
    let mut delays = Vec::new();
    let mut now = at(1000);
    for _ in 0..10 {
        permit(&throttle, "ann", home(), now).failed(now);
        delays.push(wait(&throttle, "ann", home(), now).as_secs());
        now = after(now, Duration::from_secs(*delays.last().unwrap()));
    }
    assert_eq!(delays, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_short_delay_is_waited_out_and_a_long_one_refused() {
    let throttle = Throttle::new(LIMITS);
    let ann = Username::new("ann");
    fail(&throttle, "ann", 3, at(0));
    let verdict = throttle.admit(&ann, home(), Origin::Caller, at(0), at(0));
    assert!(matches!(verdict, Verdict::Wait(wait) if wait.as_secs() == 1), "{verdict:?}");
    fail(&throttle, "ann", 3, at(0));
    let verdict = throttle.admit(&ann, home(), Origin::Caller, at(7), at(7));
    assert!(
        matches!(verdict, Verdict::Refuse { retry_after } if retry_after.as_secs() == 8),
        "{verdict:?}"
    );
    let verdict = throttle.admit(&ann, home(), Origin::Caller, at(7), at(14));
    assert!(
        matches!(verdict, Verdict::Refuse { retry_after } if retry_after.as_secs() == 1),
        "{verdict:?}"
    );
}

#[test]
fn other_addresses_notice_nothing() {
    let throttle = Throttle::new(LIMITS);
    fail(&throttle, "ann", 9, at(0));
    assert!(wait(&throttle, "ann", home(), at(300)).is_zero());
    fail(&throttle, "ann", 1, at(300));
    assert!(!wait(&throttle, "ann", home(), at(300)).is_zero());
    assert!(wait(&throttle, "ann", "192.0.2.2".parse().unwrap(), at(300)).is_zero());
    assert!(wait(&throttle, "bob", home(), at(300)).is_zero());
}

#[test]
fn addresses_of_one_network_are_one() {
    let throttle = Throttle::new(LIMITS);
    for (index, last) in ["1", "2", "3:4"].into_iter().enumerate() {
        let address = format!("2001:db8::{last}").parse().unwrap();
        assert!(wait(&throttle, "ann", address, at(0)).is_zero(), "{index}");
        permit(&throttle, "ann", address, at(0)).failed(at(0));
    }
    assert!(!wait(&throttle, "ann", "2001:db8::9".parse().unwrap(), at(0)).is_zero());
    assert!(wait(&throttle, "ann", "2001:db8:1::9".parse().unwrap(), at(0)).is_zero());
    assert_eq!(Source::of("::ffff:192.0.2.1".parse().unwrap()), Source::of(home()));
}

#[test]
fn a_success_clears_the_pair() {
    let throttle = Throttle::new(LIMITS);
    fail(&throttle, "ann", 4, at(0));
    permit(&throttle, "ann", home(), at(10)).succeeded(at(10));
    for _ in 0..2 {
        permit(&throttle, "ann", home(), at(10)).failed(at(10));
    }
    assert!(wait(&throttle, "ann", home(), at(10)).is_zero());
}

#[test]
fn failures_are_forgotten_in_time() {
    let throttle = Throttle::new(LIMITS);
    fail(&throttle, "ann", 5, at(0));
    assert!(wait(&throttle, "ann", home(), at(700)).is_zero());
    permit(&throttle, "ann", home(), at(700)).failed(at(700));
    assert!(wait(&throttle, "ann", home(), at(700)).is_zero());
}

#[test]
fn a_burst_is_bounded_and_a_delayed_user_is_tried_once_at_a_time() {
    let throttle = Throttle::new(LIMITS);
    let burst: Vec<_> = (0..4).map(|_| permit(&throttle, "ann", home(), at(0))).collect();
    assert!(!wait(&throttle, "ann", home(), at(0)).is_zero());
    for permit in burst {
        permit.failed(at(0));
    }
    let only = permit(&throttle, "ann", home(), at(20));
    assert!(!wait(&throttle, "ann", home(), at(20)).is_zero());
    drop(only);
    assert!(wait(&throttle, "ann", home(), at(20)).is_zero());
}

#[test]
fn an_attempt_that_was_given_up_counts_for_nothing() {
    let throttle = Throttle::new(LIMITS);
    for _ in 0..50 {
        drop(permit(&throttle, "ann", home(), at(0)));
    }
    assert!(wait(&throttle, "ann", home(), at(0)).is_zero());
}

#[test]
fn an_address_that_guesses_at_many_names_is_slowed_down() {
    let throttle = Throttle::new(LIMITS);
    permit(&throttle, "regular", home(), at(0)).succeeded(at(0));
    for index in 0..10 {
        fail(&throttle, &format!("guess{index}"), 1, at(0));
    }
    assert_eq!(wait(&throttle, "another", home(), at(0)).as_secs(), 2);
    assert_eq!(wait(&throttle, "another", home(), at(1)).as_secs(), 1);
    assert!(wait(&throttle, "another", home(), at(2)).is_zero());
    assert!(wait(&throttle, "regular", home(), at(0)).is_zero());
    assert!(wait(&throttle, "another", "192.0.2.2".parse().unwrap(), at(0)).is_zero());
}

#[test]
fn a_name_that_is_guessed_at_stands_under_the_budget_of_its_address_again() {
    let throttle = Throttle::new(LIMITS);
    permit(&throttle, "regular", home(), at(0)).succeeded(at(0));
    fail(&throttle, "regular", 3, at(0));
    for index in 0..7 {
        fail(&throttle, &format!("guess{index}"), 1, at(0));
    }
    assert_eq!(wait(&throttle, "regular", home(), at(0)).as_secs(), 2);
}

#[test]
fn attempts_that_are_refused_push_no_record_out() {
    let address_recovery = Duration::from_hours(1);
    let throttle = Throttle::new(ThrottleLimits { address_recovery, ..LIMITS });
    fail(&throttle, "ann", 9, at(0));
    fail(&throttle, "another", 1, at(120));
    for index in 0..1000 {
        assert!(!wait(&throttle, &format!("guess{index}"), home(), at(120)).is_zero());
    }
    assert_eq!(throttle.lock().pairs.len(), 2);
}

#[test]
fn memory_is_bounded_whatever_names_and_addresses_come() {
    let throttle = Throttle::new(LIMITS);
    for index in 0..1000_u32 {
        let address = IpAddr::from(index.to_be_bytes());
        let name = format!("{index}{}", "x".repeat(5000 * usize::from(index % 2 == 0)));
        permit(&throttle, &name, address, at(0)).failed(at(0));
    }
    let state = throttle.lock();
    assert_eq!((state.pairs.len(), state.addresses.len()), (100, 10));
}

#[test]
fn end_users_of_one_caller_do_not_share_a_budget() {
    let throttle = Throttle::new(ThrottleLimits::default());
    let admit =
        |name: &str| throttle.admit(&Username::new(name), home(), Origin::EndUser, at(1), at(1));
    for guess in 0..10_000 {
        match admit(&format!("guess{guess}")) {
            Verdict::Proceed(permit) => permit.failed(at(1)),
            other => panic!("guess {guess}: {other:?}"),
        }
    }
    assert!(matches!(admit("ann"), Verdict::Proceed(_)));
    let own = throttle.admit(&Username::new("bob"), home(), Origin::Caller, at(1), at(1));
    assert!(matches!(own, Verdict::Proceed(_)), "their failures are not the caller's");
}
