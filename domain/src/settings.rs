//! Settings that clients may change of the places where security keeps its rows.
//!
//! Owns which settings there are and which values are legal. They have no effect: rows are kept as
//! the engine keeps them, whatever is asked for. Clients that set them read them back.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

/// A place with settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Users, roles and whatever else has no place of its own.
    Main,
    /// Profiles of users.
    Profiles,
    /// Tokens.
    Tokens,
}

impl Place {
    /// Every place, in the order of listings.
    pub const ALL: [Self; 3] = [Self::Main, Self::Profiles, Self::Tokens];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "security",
            Self::Profiles => "security-profile",
            Self::Tokens => "security-tokens",
        }
    }
}

/// Something that can be set of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// How many copies there are to be, by how many nodes there are.
    AutoExpandReplicas,
    /// How many copies there are to be.
    NumberOfReplicas,
}

impl Setting {
    /// Every setting, in the order of listings.
    pub const ALL: [Self; 2] = [Self::AutoExpandReplicas, Self::NumberOfReplicas];

    /// The full name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AutoExpandReplicas => "index.auto_expand_replicas",
            Self::NumberOfReplicas => "index.number_of_replicas",
        }
    }

    /// What holds until something else is set.
    pub const fn initial(self) -> &'static str {
        match self {
            Self::AutoExpandReplicas => "0-1",
            Self::NumberOfReplicas => "0",
        }
    }

    fn is_legal(self, value: &str) -> bool {
        match self {
            Self::AutoExpandReplicas => {
                value == "false" || value.split_once('-').is_some_and(is_range)
            }
            Self::NumberOfReplicas => count(value).is_some(),
        }
    }
}

/// A setting with its new value; none for what held at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place.
    pub place: Place,
    /// The setting.
    pub setting: Setting,
    /// The value.
    pub value: Option<String>,
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingRefusal {
    /// They may not be set by clients.
    #[error(
        "illegal settings for index [{place}]: [{names}], these settings may not be configured. \
         Only the following settings may be configured for that index: [{allowed}]",
        place = .place.name(), names = .names.join(", "),
        allowed = Setting::ALL.map(Setting::name).join(", ")
    )]
    Illegal {
        /// The place.
        place: Place,
        /// Their names, in the order of the alphabet.
        names: Vec<String>,
    },
    /// The value is none for this setting.
    #[error("Failed to parse value [{value}] for setting [{name}]", name = .setting.name())]
    Value {
        /// The setting.
        setting: Setting,
        /// The value.
        value: String,
    },
}

/// Checks the settings that are asked for of a place, by their full names.
pub fn changes(
    place: Place,
    asked: &[(String, Option<String>)],
) -> Result<Vec<Change>, SettingRefusal> {
    let mut changes = Vec::with_capacity(asked.len());
    let mut illegal = Vec::new();
    for (name, value) in asked {
        match Setting::ALL.into_iter().find(|setting| setting.name() == name) {
            Some(setting) => changes.push(Change { place, setting, value: value.clone() }),
            None => illegal.push(name.clone()),
        }
    }
    if !illegal.is_empty() {
        illegal.sort();
        return Err(SettingRefusal::Illegal { place, names: illegal });
    }
    for Change { setting, value, .. } in &changes {
        if let Some(value) = value.as_ref().filter(|value| !setting.is_legal(value)) {
            return Err(SettingRefusal::Value { setting: *setting, value: value.to_owned() });
        }
    }
    Ok(changes)
}

/// The settings of a place, as far as they were ever set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceSettings {
    /// As [`Setting::AutoExpandReplicas`].
    pub auto_expand_replicas: Option<String>,
    /// As [`Setting::NumberOfReplicas`].
    pub number_of_replicas: Option<String>,
}

impl PlaceSettings {
    /// The value that holds.
    pub fn value(&self, setting: Setting) -> &str {
        let set = match setting {
            Setting::AutoExpandReplicas => &self.auto_expand_replicas,
            Setting::NumberOfReplicas => &self.number_of_replicas,
        };
        set.as_deref().unwrap_or_else(|| setting.initial())
    }

    /// Makes a change to this place.
    pub fn apply(&mut self, change: &Change) {
        let set = match change.setting {
            Setting::AutoExpandReplicas => &mut self.auto_expand_replicas,
            Setting::NumberOfReplicas => &mut self.number_of_replicas,
        };
        set.clone_from(&change.value);
    }
}

fn is_range((least, most): (&str, &str)) -> bool {
    match (count(least), most) {
        (Some(_), "all") => true,
        (Some(least), most) => count(most).is_some_and(|most| least <= most),
        (None, _) => false,
    }
}

fn count(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok().filter(|count| *count <= COUNT_MAX) } else { None }
}

/// The most copies that anybody may ask for: the largest number of the wire.
const COUNT_MAX: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn asked(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    #[test]
    fn a_setting_holds_until_it_is_set_and_after_it_is_reset() {
        let mut settings = PlaceSettings::default();
        let set = |settings: &mut PlaceSettings, value| {
            let asked = asked(&[("index.number_of_replicas", value)]);
            changes(Place::Main, &asked).unwrap().iter().for_each(|change| settings.apply(change));
            settings.value(Setting::NumberOfReplicas).to_owned()
        };
        assert_eq!(settings.value(Setting::NumberOfReplicas), "0");
        assert_eq!(set(&mut settings, Some("3")), "3");
        assert_eq!(settings.value(Setting::AutoExpandReplicas), "0-1");
        assert_eq!(set(&mut settings, None), "0");
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let asked =
            asked(&[("index.z", None), ("index.number_of_replicas", Some("x")), ("a", None)]);
        assert_eq!(
            changes(Place::Tokens, &asked).unwrap_err().to_string(),
            "illegal settings for index [security-tokens]: [a, index.z], these settings may not be \
             configured. Only the following settings may be configured for that index: \
             [index.auto_expand_replicas, index.number_of_replicas]"
        );
    }

    #[test]
    fn values_are_counts_and_ranges() {
        let check = |setting: Setting, value: &str, wanted: bool| {
            assert_eq!(setting.is_legal(value), wanted, "{value}");
        };
        for value in ["0", "1", "2147483647"] {
            check(Setting::NumberOfReplicas, value, true);
        }
        for value in ["", "-1", "+1", "1.5", "true", "2147483648"] {
            check(Setting::NumberOfReplicas, value, false);
        }
        for value in ["false", "0-1", "0-all", "2-2"] {
            check(Setting::AutoExpandReplicas, value, true);
        }
        for value in ["true", "2-1", "all-1", "0", "0-", "-1", "0-1-2"] {
            check(Setting::AutoExpandReplicas, value, false);
        }
        let refused = changes(Place::Main, &asked(&[("index.number_of_replicas", Some("x"))]));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "Failed to parse value [x] for setting [index.number_of_replicas]"
        );
    }
}
