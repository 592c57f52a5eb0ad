//! Which fields a collection has, of which kinds, and how searches name them.
//!
//! Owns the refusal of names. Must not know what a query does with a field.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::refusal::QueryRefusal;
use crate::privilege::wildcard;

/// The fields of a collection of documents.
#[derive(Debug)]
pub struct Schema {
    /// What stands before a document's name in the ids that an `ids` query holds.
    pub id_prefix: &'static str,
    /// The fields, in the order in which documents hold them.
    pub fields: &'static [Field],
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// Its name in searches.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a field holds, and so what finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Texts that are found whole.
    Keyword,
    /// True or false.
    Boolean,
    /// Text that is found by its words, in lower case.
    Text,
    /// Addresses of electronic mail: found whole, by local part, domain, runs of letters and of
    /// digits.
    Address,
    /// A tree of values, each found whole: all by the field's name, those of a member by
    /// `{field}.{member}`.
    Flattened,
}

impl FieldKind {
    /// Whether its values have an order that hits can be sorted in.
    pub const fn is_sortable(self) -> bool {
        match self {
            Self::Keyword | Self::Boolean | Self::Flattened => true,
            Self::Text | Self::Address => false,
        }
    }

    /// Whether its values are taken apart into words.
    pub const fn is_analysed(self) -> bool {
        match self {
            Self::Text | Self::Address => true,
            Self::Keyword | Self::Boolean | Self::Flattened => false,
        }
    }
}

/// A field of a schema, or a member within a flattened one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRef {
    /// Its place in the schema.
    pub place: u32,
    /// What it holds.
    pub kind: FieldKind,
    /// The member within it.
    pub member: Option<Box<str>>,
}

impl Schema {
    /// The field that a query names.
    pub(super) fn field(&self, name: &str) -> Result<FieldRef, QueryRefusal> {
        if name.contains('*') {
            return QueryRefusal::not_allowed(format!(
                "Field name pattern [{name}] is not allowed for querying or aggregation"
            ));
        }
        self.find(name).map_or_else(
            || {
                QueryRefusal::not_allowed(format!(
                    "Field [{name}] is not allowed for querying or aggregation"
                ))
            },
            Ok,
        )
    }

    /// The field that a sort names.
    pub(super) fn sortable(&self, name: &str) -> Result<FieldRef, QueryRefusal> {
        let field = self.field(name)?;
        if field.kind.is_sortable() {
            return Ok(field);
        }
        QueryRefusal::not_allowed(format!("sorting is not supported for field [{name}]"))
    }

    /// The fields that fit a name or a pattern; unknown ones are left out.
    pub(super) fn fitting(&self, pattern: &str) -> Vec<FieldRef> {
        if !pattern.contains('*') {
            return self.find(pattern).into_iter().collect();
        }
        let fits = |field: &Field| {
            let is_tree = field.kind == FieldKind::Flattened
                && pattern.strip_prefix(field.name) == Some(".*");
            is_tree || wildcard::matches(pattern, field.name)
        };
        self.placed()
            .filter(|(_, field)| fits(field))
            .map(|(place, field)| whole(place, field))
            .collect()
    }

    fn find(&self, name: &str) -> Option<FieldRef> {
        let known = self.placed().find(|(_, field)| field.name == name);
        if let Some((place, field)) = known {
            return Some(whole(place, field));
        }
        self.placed().filter(|(_, field)| field.kind == FieldKind::Flattened).find_map(
            |(place, field)| {
                let member = name.strip_prefix(field.name)?.strip_prefix('.')?;
                let member = Some(member).filter(|member| !member.is_empty())?;
                Some(FieldRef { place, kind: field.kind, member: Some(member.to_owned().into()) })
            },
        )
    }

    /// The fields with their places.
    pub(super) fn placed(&self) -> impl Iterator<Item = (u32, &'static Field)> {
        (0..).zip(self.fields)
    }
}

const fn whole(place: u32, field: &Field) -> FieldRef {
    FieldRef { place, kind: field.kind, member: None }
}
