//! What is promised of tokens: refresh, revocation, validation, under a clock that is set.

use jeton_authority::tokens::expire::Marks;
use jeton_authority::tokens::revoke::Revoked;
use jeton_domain::id::KeyId;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;

use crate::world::World;

const DAY_MS: i64 = 86_400_000;
const EXPIRED: &str = "the access token expired or was revoked";
const UNKNOWN: &str = "the bearer token is not known";

fn counts(invalidated: u64, previously: u64) -> Counts {
    Counts { invalidated, previously }
}

fn user(name: &str) -> Selector {
    Selector::User(Username::new(name))
}

fn native() -> Selector {
    Selector::Realm(RealmName::new("default_native"))
}

#[track_caller]
fn check_counted(revoked: Result<Revoked, jeton_authority::AuthorityError>, wanted: Counts) {
    let revoked = revoked.map_err(|error| error.to_string());
    assert_eq!(revoked, Ok(Revoked::Counted(wanted)));
}

/// Case 39.
#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_the_old_access_token_lives_on() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    assert_ne!(first.access, second.access);
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(world.open_door(&first.access).await.unwrap(), "bob");
    assert_eq!(world.open_door(&second.access).await.unwrap(), "bob");
}

/// Cases 40, 41, 42 and 62.
#[tokio::test]
async fn a_refresh_is_repeated_for_thirty_seconds_and_no_longer() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    for after_ms in [5_000, 10_000, 15_000] {
        world.clock.advance_ms(after_ms);
        let again = world.refresh_as("ann", &first.refresh).await.unwrap();
        assert_eq!(again, second, "the strings and the lifetime of the first answer");
    }
    world.clock.advance_ms(1);
    let late = world.refresh_as("ann", &first.refresh).await.unwrap_err();
    assert_eq!(late, "token has already been refreshed more than 30 seconds in the past");
}

/// Case 43.
#[tokio::test]
async fn a_refresh_from_the_future_is_refused() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(40_000);
    world.refresh_as("ann", &first.refresh).await.unwrap();
    world.clock.advance_ms(-31_000);
    let refused = world.refresh_as("ann", &first.refresh).await.unwrap_err();
    assert_eq!(
        refused,
        "token has been refreshed more than 30 seconds in the future, clock skew too great"
    );
}

/// Cases 45 and 46.
#[tokio::test]
async fn a_repeat_gives_the_same_pair_whatever_became_of_it() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    check_counted(world.revoke(Half::Access, &second.access).await, counts(1, 0));
    let third = world.refresh_as("ann", &second.refresh).await.unwrap();
    assert_ne!(third.access, second.access);
    let again = world.refresh_as("ann", &first.refresh).await.unwrap();
    assert_eq!(again, second);
    assert_eq!(world.open_door(&again.access).await.unwrap_err(), EXPIRED);
}

/// Cases 47, 48 and 49.
#[tokio::test]
async fn only_the_refresh_half_decides_whether_a_refresh_is_possible() {
    let world = World::new().await;
    let dead = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Refresh, &dead.refresh).await, counts(1, 0));
    let refused = world.refresh_as("ann", &dead.refresh).await.unwrap_err();
    assert_eq!(refused, "token has been invalidated");
    let alive = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Access, &alive.access).await, counts(1, 0));
    world.refresh_as("ann", &alive.refresh).await.unwrap();
    let expired = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(2 * 3_600_000);
    assert_eq!(world.open_door(&expired.access).await.unwrap_err(), EXPIRED);
    world.refresh_as("ann", &expired.refresh).await.unwrap();
}

/// Cases 50, 51, 52, 59 and 63.
#[tokio::test]
async fn only_the_client_that_asked_for_a_token_refreshes_it() {
    let world = World::new().await;
    let other = "tokens must be refreshed by the creating client";
    let first = world.password_grant("ann", "bob").await;
    assert_eq!(world.refresh_as("root", &first.refresh).await.unwrap_err(), other);
    let as_ann = world.running_as("root", "ann").await;
    let second = world.refresh(as_ann, &first.refresh).await.unwrap();
    let third = world.refresh_as("ann", &second.refresh).await.unwrap();
    world.clock.advance_ms(60_000);
    assert_eq!(world.refresh_as("root", &second.refresh).await.unwrap_err(), other);
    world.refresh_as("ann", &third.refresh).await.unwrap();
}

/// Case 53.
#[tokio::test]
async fn how_the_client_logs_in_does_not_matter() {
    let world = World::new().await;
    let own = {
        let caller = world.caller("ann").await;
        world.client_credentials(caller).await
    };
    let first = world.password_grant("ann", "bob").await;
    let by_token = world.authority.admit(World::by_token(&own.access)).await.unwrap();
    world.refresh(by_token, &first.refresh).await.unwrap();
}

/// Cases 55 and 56.
#[tokio::test]
async fn a_refresh_token_lives_for_a_day_from_its_own_grant() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    let revoked = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Refresh, &revoked.refresh).await, counts(1, 0));
    world.clock.advance_ms(DAY_MS - 60_000);
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    world.clock.advance_ms(61_000);
    let late = world.refresh_as("ann", &first.refresh).await.unwrap_err();
    assert_eq!(late, "token document has expired");
    let late = world.refresh_as("ann", &revoked.refresh).await.unwrap_err();
    assert_eq!(late, "token document has expired", "even if it was revoked");
    world.clock.advance_ms(DAY_MS - 120_000);
    world.refresh_as("ann", &second.refresh).await.unwrap();
}

/// Cases 57 and 103; an access token is no refresh token, and the reverse.
#[tokio::test]
async fn what_is_no_refresh_token_is_not_refreshed() {
    let world = World::new().await;
    let unknown = "could not refresh the requested token";
    assert_eq!(world.refresh_as("ann", "garbage").await.unwrap_err(), unknown);
    let pair = world.password_grant("ann", "bob").await;
    assert_eq!(world.refresh_as("ann", &pair.access).await.unwrap_err(), unknown);
    assert_eq!(world.open_door(&pair.refresh).await.unwrap_err(), UNKNOWN);
    let single = {
        let caller = world.caller("ann").await;
        world.client_credentials(caller).await
    };
    assert_eq!(world.refresh_as("ann", &single.access).await.unwrap_err(), unknown);
}

/// Cases 58 and 106: the end user may be gone.
#[tokio::test]
async fn tokens_outlive_their_user() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    world.put_user("bob", &[], false).await;
    assert_eq!(world.open_door(&first.access).await.unwrap(), "bob");
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    let root = world.caller("root").await;
    world.authority.delete_user(root, "bob").await.unwrap();
    assert_eq!(world.open_door(&second.access).await.unwrap(), "bob");
    world.refresh_as("ann", &second.refresh).await.unwrap();
}

/// Cases 64, 65, 66, 67, 68 and 100.
#[tokio::test]
async fn each_half_is_revoked_alone_and_once() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Refresh, &pair.refresh).await, counts(1, 0));
    assert_eq!(world.open_door(&pair.access).await.unwrap(), "bob");
    check_counted(world.revoke(Half::Refresh, &pair.refresh).await, counts(0, 1));
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(1, 0));
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), EXPIRED);
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(0, 1));
}

/// Cases 71, 72 and 73.
#[tokio::test]
async fn before_the_first_grant_a_foreign_token_is_an_error() {
    let world = World::new().await;
    let foreign = "46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB";
    for half in [Half::Access, Half::Refresh] {
        let refused = world.revoke(half, foreign).await.unwrap_err();
        assert_eq!(refused.to_string(), "failed to invalidate token");
        assert_eq!(world.revoke(half, "!not!base64!").await.unwrap(), Revoked::Unknown);
    }
    world.password_grant("ann", "bob").await;
    for half in [Half::Access, Half::Refresh] {
        assert_eq!(world.revoke(half, foreign).await.unwrap(), Revoked::Unknown);
    }
}

/// Case 74.
#[tokio::test]
async fn a_half_given_as_the_other_is_unknown() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke(Half::Refresh, &pair.access).await.unwrap(), Revoked::Unknown);
    assert_eq!(world.revoke(Half::Access, &pair.refresh).await.unwrap(), Revoked::Unknown);
    assert_eq!(world.open_door(&pair.access).await.unwrap(), "bob");
}

/// Case 75.
#[tokio::test]
async fn an_expired_access_token_can_still_be_revoked() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(2 * 3_600_000);
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(1, 0));
}

/// Case 76, and the two steps of a drop.
#[tokio::test]
async fn old_segments_are_dropped_an_hour_after_they_were_marked() {
    let world = World::new().await;
    let marks = Marks::default();
    let pair = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(DAY_MS + 2 * 3_600_000);
    let marked = world.authority.expire(&marks).await.unwrap();
    assert!(!marked.marked.is_empty() && marked.dropped.is_empty());
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(1, 0));
    world.clock.advance_ms(3_600_000);
    let dropped = world.authority.expire(&marks).await.unwrap();
    assert_eq!(dropped.dropped, marked.marked);
    assert_eq!(world.revoke(Half::Access, &pair.access).await.unwrap(), Revoked::Unknown);
    assert_eq!(world.revoke(Half::Refresh, &pair.refresh).await.unwrap(), Revoked::Unknown);
    let unknown = world.refresh_as("ann", &pair.refresh).await.unwrap_err();
    assert_eq!(unknown, "could not refresh the requested token");
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), UNKNOWN);
}

#[tokio::test]
async fn a_cutoff_that_no_stored_pair_needs_is_removed_and_revives_nobody() {
    let world = World::new().await;
    let marks = Marks::default();
    let dead = world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
    let alive = world.password_grant("ann", "bob").await;
    assert_eq!(world.authority.expire(&marks).await.unwrap().cutoffs, 0);
    assert_eq!(world.authority.expire(&marks).await.unwrap().cutoffs, 0);
    let hours = jeton_store::tables::census::hours();
    assert_eq!(world.engine.scan(&hours, 9).await.unwrap().len(), 1, "one realm, one hour");
    world.clock.advance_ms(DAY_MS + 2 * 3_600_000);
    world.authority.expire(&marks).await.unwrap();
    world.clock.advance_ms(3_600_000);
    let expired = world.authority.expire(&marks).await.unwrap();
    assert_eq!((expired.dropped.len(), expired.cutoffs), (1, 0), "census segments remain");
    for _ in 0..26 {
        world.clock.advance_ms(2 * 3_600_000);
        world.authority.expire(&marks).await.unwrap();
    }
    let row = world.engine.get(&jeton_store::tables::cutoffs::key(&user("bob"))).await.unwrap();
    assert!(row.is_none());
    assert_eq!(world.engine.scan(&hours, 9).await.unwrap(), [], "counters of past hours");
    for pair in [dead, alive] {
        assert_eq!(world.open_door(&pair.access).await.unwrap_err(), UNKNOWN);
    }
}

/// Cases 77, 78, 79, 80, 81, 82, 83 and 84.
#[tokio::test]
async fn bulk_revocations_count_every_half() {
    let world = World::new().await;
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
    let pair = world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(native()).await, counts(2, 0));
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), EXPIRED);
    for _ in 0..5 {
        world.password_grant("ann", "bob").await;
    }
    assert_eq!(world.revoke_all(user("bob")).await, counts(10, 0));
    let caller = world.caller("ann").await;
    world.client_credentials(caller).await;
    assert_eq!(world.revoke_all(user("ann")).await, counts(1, 0));
    let pair = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(1, 0));
    assert_eq!(world.revoke_all(user("bob")).await, counts(1, 1));
    let pair = world.password_grant("ann", "bob").await;
    check_counted(world.revoke(Half::Access, &pair.access).await, counts(1, 0));
    check_counted(world.revoke(Half::Refresh, &pair.refresh).await, counts(1, 0));
    assert_eq!(world.revoke_all(user("bob")).await, counts(0, 0));
    let pair = world.password_grant("ann", "bob").await;
    world.refresh_as("ann", &pair.refresh).await.unwrap();
    assert_eq!(world.revoke_all(user("bob")).await, counts(4, 0));
    world.password_grant("ann", "bob").await;
    world.clock.advance_ms(2 * 3_600_000);
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
    assert_eq!(world.revoke_all(native()).await, counts(0, 0));
}

/// Cases 85 and 88.
#[tokio::test]
async fn who_has_no_tokens_counts_nothing_and_the_newest_is_counted() {
    let world = World::new().await;
    assert_eq!(world.revoke_all(user("nobody")).await, counts(0, 0));
    assert_eq!(world.revoke_all(Selector::Realm(RealmName::new("r"))).await, counts(0, 0));
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
    let both = Selector::UserInRealm(Username::new("bob"), RealmName::new("other"));
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(both).await, counts(0, 0));
}

/// Case 87.
#[tokio::test]
async fn a_run_as_token_belongs_to_the_effective_user() {
    let world = World::new().await;
    let caller = world.running_as("root", "bob").await;
    let token = world.client_credentials(caller).await;
    assert_eq!(world.open_door(&token.access).await.unwrap(), "bob");
    assert_eq!(world.revoke_all(user("root")).await, counts(0, 0));
    let bob = Selector::UserInRealm(Username::new("bob"), RealmName::new("default_native"));
    assert_eq!(world.revoke_all(bob).await, counts(1, 0));
}

/// Case 99, the instant of expiry.
#[tokio::test]
async fn an_access_token_is_valid_up_to_and_including_its_end() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(1_200_000);
    assert_eq!(world.open_door(&pair.access).await.unwrap(), "bob");
    world.clock.advance_ms(1);
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), EXPIRED);
}

/// Cases 31, 97 and 105.
#[tokio::test]
async fn a_service_that_is_off_grants_and_knows_no_token() {
    let mut world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    world.restart(None).await;
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), UNKNOWN);
    let refused = world.refresh_as("ann", &pair.refresh).await.unwrap_err();
    assert_eq!(refused, "security tokens are not enabled");
    let refused = world.revoke(Half::Access, &pair.access).await.unwrap_err();
    assert_eq!(refused.to_string(), "security tokens are not enabled");
}

/// Case 36, and that a changed timeout is for new tokens only.
#[tokio::test]
async fn a_changed_timeout_holds_for_new_tokens() {
    let mut world = World::new().await;
    let old = world.password_grant("ann", "bob").await;
    world.restart(Some(90_500)).await;
    let new = world.password_grant("ann", "bob").await;
    assert_eq!(new.expires_in_s, 90);
    world.clock.advance_ms(92_000);
    assert_eq!(world.open_door(&new.access).await.unwrap_err(), EXPIRED);
    assert_eq!(world.open_door(&old.access).await.unwrap(), "bob");
}

#[tokio::test]
async fn a_refresh_repeated_after_a_key_rotation_gives_the_same_strings() {
    let world = World::new().await;
    let first = world.password_grant("ann", "bob").await;
    let second = world.refresh_as("ann", &first.refresh).await.unwrap();
    world.authority.add_key(KeyId::new(2)).await.unwrap();
    world.authority.activate_key(KeyId::new(2)).await.unwrap();
    world.clock.advance_ms(10_000);
    assert_eq!(world.refresh_as("ann", &first.refresh).await.unwrap(), second);
    let third = world.refresh_as("ann", &second.refresh).await.unwrap();
    assert_eq!(world.open_door(&third.access).await.unwrap(), "bob");
}

#[tokio::test]
async fn a_token_made_with_a_retired_key_is_refused() {
    let world = World::new().await;
    let old = world.password_grant("ann", "bob").await;
    world.authority.add_key(KeyId::new(2)).await.unwrap();
    assert!(world.authority.retire_key(KeyId::new(1)).await.is_err(), "it still signs");
    world.authority.activate_key(KeyId::new(2)).await.unwrap();
    assert_eq!(world.open_door(&old.access).await.unwrap(), "bob");
    world.authority.retire_key(KeyId::new(1)).await.unwrap();
    assert_eq!(world.open_door(&old.access).await.unwrap_err(), UNKNOWN);
    let refused = world.refresh_as("ann", &old.refresh).await.unwrap_err();
    assert_eq!(refused, "could not refresh the requested token");
    let new = world.password_grant("ann", "bob").await;
    assert_eq!(world.open_door(&new.access).await.unwrap(), "bob");
}

/// Cases 28, 60 and 94.
#[tokio::test]
async fn who_lacks_the_privilege_is_denied_in_the_words_of_the_wire() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "none").await;
    let denied = world.refresh_as("none", &pair.refresh).await.unwrap_err();
    assert_eq!(
        denied,
        "action [cluster:admin/xpack/security/token/refresh] is unauthorized for user [none] with \
         effective roles [], this action is granted by the cluster privileges \
         [manage_saml,manage_token,manage_security,all]"
    );
}

#[tokio::test]
async fn everything_can_be_revoked_at_once() {
    let world = World::new().await;
    let pair = world.password_grant("ann", "bob").await;
    world.authority.revoke_everything().await.unwrap();
    assert_eq!(world.open_door(&pair.access).await.unwrap_err(), EXPIRED);
    let refused = world.refresh_as("ann", &pair.refresh).await.unwrap_err();
    assert_eq!(refused, "token has been invalidated");
    assert_eq!(world.revoke_all(native()).await, counts(0, 0));
    let new = world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(native()).await, counts(2, 0));
    assert_eq!(world.open_door(&new.access).await.unwrap_err(), EXPIRED);
}

/// A wall clock that jumps a year ahead for a minute loses no pair, though expiry runs meanwhile.
#[tokio::test]
async fn a_clock_a_year_ahead_for_a_minute_loses_nothing_and_revives_nothing() {
    let world = World::with_steady_clock().await;
    let marks = Marks::default();
    let (alive, dead) =
        (world.password_grant("ann", "bob").await, world.password_grant("ann", "bob").await);
    check_counted(world.revoke(Half::Access, &dead.access).await, counts(1, 0));
    let year_ms = 365 * DAY_MS;
    world.clock.jump_ms(year_ms);
    for _ in 0..6 {
        world.clock.advance_ms(10_000);
        let expired = world.authority.expire(&marks).await.unwrap();
        assert!(expired.marked.is_empty() && expired.dropped.is_empty());
        assert_eq!(world.open_door(&alive.access).await.unwrap(), "bob");
        assert_eq!(world.open_door(&dead.access).await.unwrap_err(), EXPIRED);
    }
    let during = world.password_grant("ann", "bob").await;
    world.clock.jump_ms(-year_ms);
    world.clock.advance_ms(1_000);
    for pair in [&alive, &during] {
        assert_eq!(world.open_door(&pair.access).await.unwrap(), "bob");
        world.refresh_as("ann", &pair.refresh).await.unwrap();
    }
    assert_eq!(world.open_door(&dead.access).await.unwrap_err(), EXPIRED);
    // Three pairs and the successors of two of them; one half was revoked before.
    assert_eq!(world.revoke_all(user("bob")).await, counts(9, 1));
}

/// A jump that holds is believed, and still no segment is dropped for an hour.
#[tokio::test]
async fn a_clock_a_year_ahead_that_holds_drops_nothing_for_an_hour() {
    let world = World::with_steady_clock().await;
    let marks = Marks::default();
    world.password_grant("ann", "bob").await;
    world.clock.jump_ms(365 * DAY_MS);
    world.authority.expire(&marks).await.unwrap();
    world.clock.advance_ms(11 * 60_000);
    let marked = world.authority.expire(&marks).await.unwrap();
    assert!(!marked.marked.is_empty() && marked.dropped.is_empty());
    world.clock.jump_ms(-365 * DAY_MS);
    world.clock.advance_ms(2 * 3_600_000);
    let later = world.authority.expire(&marks).await.unwrap();
    assert!(later.dropped.is_empty(), "the clocks do not agree: {later:?}");
    let hours = world.authority.store().hours().await.unwrap();
    assert!(marked.marked.iter().all(|hour| hours.contains(hour)));
}

/// A clock that was wrong for a while destroys nothing once it is right again.
#[tokio::test]
async fn a_clock_that_was_believed_ahead_and_corrected_drops_nothing() {
    let world = World::with_steady_clock().await;
    let marks = Marks::default();
    world.password_grant("ann", "bob").await;
    let hours = world.authority.store().hours().await.unwrap();
    world.clock.jump_ms(365 * DAY_MS);
    world.authority.expire(&marks).await.unwrap();
    world.clock.advance_ms(11 * 60_000);
    world.authority.expire(&marks).await.unwrap();
    world.clock.jump_ms(-365 * DAY_MS);
    for _ in 0..40 {
        world.clock.advance_ms(5 * 60_000);
        let expired = world.authority.expire(&marks).await.unwrap();
        assert!(expired.dropped.is_empty(), "{expired:?}");
    }
    let kept = world.authority.store().hours().await.unwrap();
    assert!(hours.iter().all(|hour| kept.contains(hour)));
}

/// A bulk revocation under a clock far ahead does not spoil the counts of later ones.
#[tokio::test]
async fn counts_are_right_again_after_the_clock_was_accepted() {
    let mut world = World::new().await;
    world.clock.advance_ms(365 * DAY_MS);
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
    world.authority.raise_mark(world.authority.now()).await.unwrap();
    world.clock.advance_ms(-365 * DAY_MS);
    world.restart(Some(1_200_000)).await;
    world.authority.accept_clock().await.unwrap();
    let mark = jeton_store::tables::meta::key(jeton_store::tables::meta::Fact::HighWaterMark);
    let row = world.engine.get(&mark).await.unwrap().unwrap();
    let mark_ms = jeton_store::tables::meta::decode_number(&row).unwrap();
    assert_eq!(mark_ms, world.authority.now().ms());
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(user("bob")).await, counts(2, 0));
}

/// Names that no user and no realm can have are counted as nobody's, and not stored.
#[tokio::test]
async fn a_name_longer_than_any_is_nobodys() {
    let world = World::new().await;
    let tick = world.authority.store().tick();
    assert_eq!(world.revoke_all(user(&"a".repeat(1_025))).await, counts(0, 0));
    let realm = Selector::Realm(RealmName::new(&"r".repeat(1_025)));
    assert_eq!(world.revoke_all(realm).await, counts(0, 0));
    assert_eq!(world.authority.store().tick(), tick, "nothing was committed");
    assert_eq!(world.revoke_all(user(&"a".repeat(1_024))).await, counts(0, 0));
    assert_eq!(world.authority.store().tick(), tick.next());
}

/// A user with more pairs than one commit may take out of the census.
#[tokio::test]
async fn a_revocation_of_very_many_pairs_is_counted_in_steps() {
    let world = World::new().await;
    let caller = || world.caller("ann");
    for _ in 0..5_000 {
        world.clock.advance_ms(1_000);
        let token = world.client_credentials(caller().await).await;
        assert!(!token.access.is_empty());
    }
    // Access tokens live for 1,200 s: those of the last 1,200 seconds, this one included.
    assert_eq!(world.revoke_all(user("ann")).await, counts(1_201, 0));
    let mut refreshable = 0;
    for _ in 0..4_200 {
        world.clock.advance_ms(1_000);
        world.password_grant("ann", "bob").await;
        refreshable += 2;
    }
    let both = Selector::UserInRealm(Username::new("bob"), RealmName::new("default_native"));
    assert_eq!(world.revoke_all(both).await, counts(refreshable, 0));
    assert_eq!(world.revoke_all(native()).await, counts(0, 0), "the census is empty");
    world.password_grant("ann", "bob").await;
    assert_eq!(world.revoke_all(native()).await, counts(2, 0));
}

/// A wall clock that goes back an hour revives no expired token and kills no live one.
#[tokio::test]
async fn a_clock_an_hour_back_revives_nothing_and_loses_nothing() {
    let world = World::with_steady_clock().await;
    let old = world.password_grant("ann", "bob").await;
    world.clock.advance_ms(30 * 60_000);
    assert_eq!(world.open_door(&old.access).await.unwrap_err(), EXPIRED);
    let young = world.password_grant("ann", "bob").await;
    world.clock.jump_ms(-3_600_000);
    for _ in 0..15 {
        assert_eq!(world.open_door(&old.access).await.unwrap_err(), EXPIRED);
        assert_eq!(world.open_door(&young.access).await.unwrap(), "bob");
        world.clock.advance_ms(60_000);
    }
    let during = world.password_grant("ann", "bob").await;
    assert_eq!(world.open_door(&during.access).await.unwrap(), "bob");
    assert_eq!(world.revoke_all(user("bob")).await, counts(6, 0));
}
