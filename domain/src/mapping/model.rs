//! A user as an outside realm describes it: what the rules of mappings are about.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::dn::DistinguishedName;
use super::dn_parse::fold;
use crate::name::{RealmName, Username};
use crate::value::{Map, Value};

/// A user to whom roles are mapped.
///
/// Whatever rules compare with is prepared once, so many rules can be asked about one user.
#[derive(Clone, Debug)]
pub struct MappedUser {
    pub(super) username: Username,
    pub(super) dn: Option<DirectoryText>,
    pub(super) groups: Vec<DirectoryText>,
    /// All groups in lower case, and in their normal forms, to find one among many.
    pub(super) group_forms: BTreeSet<String>,
    pub(super) realm: RealmName,
    pub(super) metadata: Map,
}

/// A text that is likely a distinguished name, in the forms in which it is compared.
#[derive(Clone, Debug)]
pub(super) struct DirectoryText {
    pub(super) text: String,
    pub(super) lower: String,
    pub(super) upper: String,
    /// The name and its normal form, where the text is one.
    pub(super) dn: Option<(DistinguishedName, String)>,
}

impl DirectoryText {
    fn new(text: &str) -> Self {
        let dn = DistinguishedName::parse(text).ok().map(|dn| {
            let normal = dn.normal();
            (dn, normal)
        });
        let upper = text.chars().flat_map(char::to_uppercase).collect();
        Self { text: text.to_owned(), lower: fold(text), upper, dn }
    }

    /// The texts of which one is that of an equal name.
    pub(super) fn forms(&self) -> impl Iterator<Item = &String> {
        core::iter::once(&self.lower).chain(self.dn.as_ref().map(|(_, normal)| normal))
    }
}

impl MappedUser {
    /// Describes a user.
    ///
    /// `dn` and `groups` need not be distinguished names.
    pub fn new(
        username: &Username,
        dn: Option<&str>,
        groups: &[String],
        realm: &RealmName,
        metadata: Map,
    ) -> Self {
        let groups: Vec<_> = groups.iter().map(|group| DirectoryText::new(group)).collect();
        let forms = groups.iter().flat_map(DirectoryText::forms);
        Self {
            username: username.clone(),
            dn: dn.map(DirectoryText::new),
            group_forms: forms.cloned().collect(),
            groups,
            realm: realm.clone(),
            metadata,
        }
    }

    /// The user's own name in a directory, where it is one.
    pub fn dn(&self) -> Option<&DistinguishedName> {
        self.dn.as_ref()?.dn.as_ref().map(|(dn, _)| dn)
    }

    /// The names of the groups in a directory, as far as they are such names.
    pub fn group_dns(&self) -> impl Iterator<Item = &DistinguishedName> {
        self.groups.iter().filter_map(|group| group.dn.as_ref().map(|(dn, _)| dn))
    }

    /// Lays what templates may name over `params`.
    pub(super) fn over(&self, mut params: Map) -> Map {
        let text = |text: &str| Value::Text(text.to_owned());
        params.set("username".to_owned(), text(self.username.as_str()));
        if let Some(dn) = &self.dn {
            params.set("dn".to_owned(), text(&dn.text));
        }
        let groups = self.groups.iter().map(|group| text(&group.text)).collect();
        params.set("groups".to_owned(), Value::List(groups));
        let realm = [("name".to_owned(), text(self.realm.as_str()))];
        params.set("realm".to_owned(), Value::Map(realm.into_iter().collect()));
        params.set("metadata".to_owned(), Value::Map(self.metadata.clone()));
        params
    }
}
