//! Distinguished names (RFC 4514), compared as directories compare them.
//!
//! Owns their normal form: types of attributes and values in lower case, spaces at the ends and
//! repeated spaces left out, attributes of one level in order. Must not know schemas: every
//! attribute is taken to ignore case. `dn_parse` reads the text.

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::dn_parse;

/// A distinguished name.
///
/// Two are equal when their normal forms are.
#[derive(Clone, Debug)]
pub struct DistinguishedName {
    /// The normal form of each level, the lowest first.
    levels: Vec<String>,
    /// The first value of the lowest level, as it was written.
    first_value: Option<String>,
}

/// Why a text is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DnRefusal {
    /// A level does not begin with the type of an attribute.
    #[error("the type of an attribute is missing")]
    MissingType,
    /// No equals sign stands behind the type of an attribute.
    #[error("attribute [{0}] has no value")]
    MissingValue(String),
    /// A character stands where it cannot.
    #[error("unexpected character [{0}]")]
    Unexpected(char),
    /// A value in hexadecimal digits has none, or half a pair too many.
    #[error("a value in hexadecimal digits is malformed")]
    Hexadecimal,
    /// A backslash escapes nothing that can be escaped.
    #[error("an escape is malformed")]
    Escape,
    /// A quotation is not closed.
    #[error("a quotation is not closed")]
    Unclosed,
    /// The escaped bytes of a value are not UTF-8.
    #[error("the bytes of a value are not UTF-8")]
    NotText,
}

impl DistinguishedName {
    /// Reads a name. The empty text is the name of the root.
    pub fn parse(text: &str) -> Result<Self, DnRefusal> {
        dn_parse::name(text)
    }

    /// A name of these levels, the lowest first, each in its normal form.
    pub(super) const fn of_levels(levels: Vec<String>, first_value: Option<String>) -> Self {
        Self { levels, first_value }
    }

    /// The normal form. It reads back as the same name, so it can stand for it as a key.
    pub fn normal(&self) -> String {
        self.levels.join(",")
    }

    /// Whether this name stands somewhere below `above`; none stands below itself.
    pub fn is_below(&self, above: &Self) -> bool {
        self.levels.len() > above.levels.len() && self.levels.ends_with(&above.levels)
    }

    /// The first value of the lowest level, as it was written; none for the root.
    pub fn first_value(&self) -> Option<&str> {
        self.first_value.as_deref()
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.levels == other.levels
    }
}

impl Eq for DistinguishedName {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(text: &str) -> String {
        DistinguishedName::parse(text).unwrap().normal()
    }

    fn dn(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap()
    }

    #[test]
    fn case_and_spaces_do_not_count() {
        assert_eq!(normal("CN=Ann  Lee , OU = X,  DC=E"), "cn=ann lee,ou=x,dc=e");
        assert_eq!(normal(" cn=a"), "cn=a");
        assert_eq!(normal("cn=\u{c9}"), "cn=\u{e9}");
        assert_eq!(normal(""), "");
        assert_eq!(normal("cn="), "cn=");
        assert_eq!(normal("2.5.4.3=a;ou=b"), "2.5.4.3=a,ou=b");
    }

    #[test]
    fn escapes_are_read_and_written_one_way() {
        assert_eq!(normal(r"cn=Lee\, Ann"), r"cn=lee\, ann");
        assert_eq!(normal(r"cn=Lee\2C Ann"), r"cn=lee\, ann");
        assert_eq!(normal(r#"cn="Lee, Ann""#), r"cn=lee\, ann");
        assert_eq!(normal(r"cn=L\c3\bc"), "cn=l\u{fc}");
        assert_eq!(normal(r"cn=\#a"), r"cn=\#a");
        assert_eq!(normal(r"cn=\ a\ "), "cn=a");
        assert_eq!(normal(r"cn=a\\b\00"), r"cn=a\\b\00");
        assert_eq!(normal("cn=a=b"), "cn=a=b");
    }

    #[test]
    fn values_in_hexadecimal_digits_are_texts_where_they_hold_one() {
        assert_eq!(normal("cn=#0C0241b3"), "cn=#0c0241b3");
        assert_eq!(normal("cn=#0C024142"), "cn=ab");
        assert_eq!(normal("cn=#04FF"), "cn=#04ff");
        assert_eq!(dn("cn=#0C024142").first_value(), Some("AB"));
    }

    #[test]
    fn attributes_of_one_level_have_no_order() {
        assert_eq!(dn("uid=1 + cn=A,dc=e"), dn("CN=a+UID=1, dc=e"));
        assert_eq!(dn("uid=1 + cn=A").first_value(), Some("1"));
    }

    #[test]
    fn a_name_is_below_its_ancestors_and_not_below_itself() {
        let name = dn("CN=A, OU=X, DC=E");
        assert!(name.is_below(&dn("ou=x,dc=e")));
        assert!(name.is_below(&dn("dc=e")));
        assert!(name.is_below(&dn("")));
        assert!(!name.is_below(&name));
        assert!(!name.is_below(&dn("ou=y,dc=e")));
        assert!(!dn("dc=e").is_below(&name));
        assert!(!dn("").is_below(&dn("")));
    }

    #[test]
    fn the_first_value_is_kept_as_written() {
        assert_eq!(dn(r"CN= Lee\, Ann ,dc=e").first_value(), Some("Lee, Ann"));
        assert_eq!(dn(r"cn=a\ ").first_value(), Some("a "));
        assert_eq!(dn("").first_value(), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let check = |text: &str, wanted: DnRefusal| {
            assert_eq!(DistinguishedName::parse(text), Err(wanted), "{text}");
        };
        check("ann", DnRefusal::MissingValue("ann".into()));
        check("=a", DnRefusal::MissingType);
        check("cn=a,", DnRefusal::MissingType);
        check("cn=a+", DnRefusal::MissingType);
        check("c*=a", DnRefusal::MissingValue("c".into()));
        check("cn=a\"b", DnRefusal::Unexpected('"'));
        check("cn=\"a\"b", DnRefusal::Unexpected('b'));
        check("cn=\"a", DnRefusal::Unclosed);
        check("cn=#", DnRefusal::Hexadecimal);
        check("cn=#0", DnRefusal::Hexadecimal);
        check("cn=#00 b", DnRefusal::Unexpected('b'));
        check(r"cn=\", DnRefusal::Escape);
        check(r"cn=\gg", DnRefusal::Escape);
        check(r"cn=\a", DnRefusal::Escape);
        check(r"cn=\ff", DnRefusal::NotText);
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(text in DN) {
            if let Ok(name) = DistinguishedName::parse(&text) {
                let again = DistinguishedName::parse(&name.normal()).unwrap();
                prop_assert_eq!(again.normal(), name.normal());
                prop_assert_eq!(again, name);
            }
        }

        #[test]
        fn no_text_is_too_odd_to_be_read(text in any::<String>()) {
            if let Ok(name) = DistinguishedName::parse(&text) {
                prop_assert!(!name.is_below(&name));
            }
        }

        #[test]
        fn upper_case_and_wide_separators_give_the_same_name(
            values in proptest::collection::vec("[a-z]{1,3}( [a-z]{1,3})?", 1..4),
        ) {
            let narrow = values.iter().map(|value| alloc::format!("ou={value}"));
            let wide = narrow.clone().map(|level| level.to_uppercase().replace('=', " = "));
            let (narrow, wide): (Vec<_>, Vec<_>) = (narrow.collect(), wide.collect());
            prop_assert_eq!(dn(&narrow.join(",")), dn(&wide.join(" , ")));
        }
    }

    const DN: &str = r#"([cC][nN] ?= ?(#([0-9a-fA-F]{2}){1,4}|"[ a,B\\"]{0,3}"|[ a,BZ\u{130}+=#\\"2c]{0,6})[,;+]?){1,3}"#;
}
