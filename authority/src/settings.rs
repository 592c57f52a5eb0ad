//! Settings that clients may read and change.

use jeton_domain::privilege::action;
use jeton_domain::settings::{self, Change, Place, PlaceSettings, SettingRefusal};
use jeton_store::tables::settings as table;
use jeton_store::transaction::{Attempts, Transaction};

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

/// What is asked for of one place: full names of settings, with their values or none to reset them.
pub type Asked = (Place, Vec<(String, Option<String>)>);

impl Authority {
    /// The settings of every place, in the order of listings.
    pub async fn settings(
        &self,
        caller: &Caller,
    ) -> Result<Vec<(Place, PlaceSettings)>, AuthorityError> {
        self.authorize(caller, action::READ_SETTINGS).await?;
        let mut found = Vec::with_capacity(Place::ALL.len());
        for place in Place::ALL {
            let row = self.store.row(&table::key(place)).await?;
            found.push((place, row.as_ref().map(table::decode).transpose()?.unwrap_or_default()));
        }
        Ok(found)
    }

    /// Changes settings, all of one request or none.
    pub async fn change_settings(
        &self,
        mut caller: Caller,
        asked: &[Asked],
    ) -> Result<(), AuthorityError> {
        let (changes, unfit) = check(asked)?;
        self.authorize(&caller, action::UPDATE_SETTINGS).await?;
        if let Some(text) = unfit {
            return Err(AuthorityError::Argument(text));
        }
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::UPDATE_SETTINGS).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            for place in Place::ALL {
                let of_place: Vec<_> =
                    changes.iter().filter(|change| change.place == place).collect();
                change_place(&mut transaction, place, &of_place).await?;
            }
            if attempts.weigh(transaction.commit().await)?.is_some() {
                let names: Vec<&str> = changes.iter().map(|change| change.setting.name()).collect();
                let by = &caller.authentication.subject;
                events::changed(by, "settings were changed", names.join(","));
                return Ok(());
            }
            caller = self.admit_again(caller).await?;
        }
    }
}

async fn change_place(
    transaction: &mut Transaction<'_>,
    place: Place,
    changes: &[&Change],
) -> Result<(), AuthorityError> {
    if changes.is_empty() {
        return Ok(());
    }
    let key = table::key(place);
    let row = transaction.read(&key).await?;
    if row.is_none() {
        transaction.expect_absent(key.clone());
    }
    let mut held = row.as_ref().map(table::decode).transpose()?.unwrap_or_default();
    for change in changes {
        held.apply(change);
    }
    transaction.put(key, table::encode(&held));
    Ok(())
}

/// The changes that are asked for, and what is wrong with a value among them: that is told only to
/// those who may change it.
fn check(asked: &[Asked]) -> Result<(Vec<Change>, Option<String>), AuthorityError> {
    let mut changes = Vec::new();
    let mut violations = Vec::new();
    let mut value = None;
    for (place, settings) in asked {
        match settings::changes(*place, settings) {
            Ok(found) => changes.extend(found),
            Err(refusal @ SettingRefusal::Illegal { .. }) => violations.push(refusal.to_string()),
            Err(refusal @ SettingRefusal::Value { .. }) => value = Some(refusal.to_string()),
        }
    }
    if changes.is_empty() && violations.is_empty() && value.is_none() {
        violations.push("No settings given to update".to_owned());
    }
    if violations.is_empty() {
        Ok((changes, value))
    } else {
        Err(AuthorityError::Invalid(violations))
    }
}
