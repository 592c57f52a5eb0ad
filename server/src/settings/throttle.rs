//! How failed logins are slowed down.
//!
//! Owns the translation of settings into the limits of `jeton_realms::throttle`. Their rules are
//! told there.

use jeton_realms::throttle::ThrottleLimits;

use super::effective::Effective;
use super::error::SettingsError;

pub(super) fn throttle(effective: &Effective) -> Result<ThrottleLimits, SettingsError> {
    let limits = ThrottleLimits::default();
    let count = |name: &str| -> Result<u32, SettingsError> {
        Ok(effective.count(name, 0)?.try_into().unwrap_or(u32::MAX))
    };
    Ok(ThrottleLimits {
        free_failures: count("jeton.throttle.free_failures")?,
        first_delay: effective.span("jeton.throttle.delay.first")?,
        delay_max: effective.span("jeton.throttle.delay.max")?,
        forget_after: effective.span("jeton.throttle.forget_after")?,
        patience: effective.span("jeton.throttle.patience")?,
        unresolved_max: count("jeton.throttle.concurrent.max")?,
        pairs_max: effective.count("jeton.throttle.users.max", limits.pairs_max)?,
        address_failures_max: count("jeton.throttle.address.failures.max")?,
        address_recovery: effective.span("jeton.throttle.address.recovery")?,
        addresses_max: effective.count("jeton.throttle.addresses.max", limits.addresses_max)?,
    })
}
