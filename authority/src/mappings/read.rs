//! Read role mappings: stored ones, never those of files.

use jeton_domain::limits::SCAN_ROWS_MAX;
use jeton_domain::name::MappingName;
use jeton_domain::privilege::action;
use jeton_domain::value::Value;
use jeton_store::tables::role_mappings as table;

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

/// A stored mapping, in the form in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownMapping {
    /// Its name.
    pub name: MappingName,
    /// All else of it, as [`RoleMapping::to_value`] gave it.
    ///
    /// [`RoleMapping::to_value`]: jeton_domain::mapping::role_mapping::RoleMapping::to_value
    pub value: Value,
}

impl Authority {
    /// The role mappings of these names that exist, or all of them in order of names.
    pub async fn role_mappings(
        &self,
        caller: &Caller,
        names: Option<&[String]>,
    ) -> Result<Vec<ShownMapping>, AuthorityError> {
        self.authorize(caller, action::READ_ROLE_MAPPING).await?;
        match names {
            Some(names) => self.named_mappings(names).await,
            None => self.all_mappings().await,
        }
    }

    async fn named_mappings(&self, names: &[String]) -> Result<Vec<ShownMapping>, AuthorityError> {
        let mut found: Vec<ShownMapping> = Vec::new();
        for name in names {
            if found.iter().any(|mapping| mapping.name.as_str() == name) {
                continue;
            }
            if let Some(row) = self.store.row(&table::key(name)).await? {
                found.push(shown(table::decode(&row)?));
            }
        }
        Ok(found)
    }

    async fn all_mappings(&self) -> Result<Vec<ShownMapping>, AuthorityError> {
        let mut range = table::all();
        let mut found = Vec::new();
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (_, row) in &rows {
                found.push(shown(table::decode(row)?));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(found),
            }
        }
    }
}

fn shown((name, value): (String, Value)) -> ShownMapping {
    ShownMapping { name: MappingName::new(&name), value }
}
