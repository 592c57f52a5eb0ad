//! Which privileges a caller holds: those that they ask about, or all.

use std::collections::BTreeMap;
use std::sync::Arc;

use jeton_domain::privilege::action;
use jeton_domain::privilege::application::ApplicationPrivilege;
use jeton_domain::role::check::{PrivilegesAnswer, PrivilegesRequest, check};
use jeton_domain::role::summary::summary;
use jeton_domain::subject::Subject;
use jeton_domain::value::Map;

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Says of each privilege that is asked about whether the caller holds it. Everybody may ask
    /// about themselves, and nobody about others; `username` is whom the request names.
    pub async fn has_privileges(
        &self,
        caller: &Caller,
        username: Option<&str>,
        request: &PrivilegesRequest,
    ) -> Result<PrivilegesAnswer, AuthorityError> {
        let violations = request.violations();
        if !violations.is_empty() {
            return Err(AuthorityError::Invalid(violations));
        }
        let subject = &caller.authentication.subject;
        let is_own = username.is_none_or(|name| name == subject.username.as_str());
        self.authorize_where(caller, action::HAS_PRIVILEGES, |_| is_own).await?;
        if !is_own {
            return Err(AuthorityError::Argument(OTHERS.to_owned()));
        }
        let resolved = self.permission_of(subject).await?;
        let mut stored: BTreeMap<&str, Arc<[ApplicationPrivilege]>> = BTreeMap::new();
        for asked in &request.applications {
            let application = asked.application.as_str();
            if !stored.contains_key(application) {
                stored.insert(application, self.stored_privileges(application).await?);
            }
        }
        let stored = stored.iter().map(|(name, privileges)| (*name, privileges.as_ref())).collect();
        let permissions: Vec<_> = resolved.permissions().collect();
        let answer = check(&permissions, request, &stored);
        answer.map_err(|refusal| AuthorityError::Argument(refusal.to_string()))
    }

    /// All that the caller's roles grant together, as it is shown.
    pub async fn held_privileges(&self, caller: &Caller) -> Result<Map, AuthorityError> {
        self.authorize_where(caller, action::LIST_PRIVILEGES, |_| true).await?;
        let subject = &caller.authentication.subject;
        if has_descriptors_of_its_own(subject) {
            return Err(AuthorityError::Argument(OWN_DESCRIPTORS.to_owned()));
        }
        Ok(summary(self.permission_of(subject).await?.roles()))
    }
}

/// Whether the caller is an API key that was given less than all that its owner holds: its
/// privileges are where two sets of roles meet, which no list shows.
fn has_descriptors_of_its_own(subject: &Subject) -> bool {
    subject.api_key.as_ref().is_some_and(|key| !key.role_descriptors.is_empty())
}

const OTHERS: &str = "users may only check the privileges of their own account";

const OWN_DESCRIPTORS: &str = "Cannot retrieve privileges for API keys with assigned role \
                               descriptors. Please use the Get API key information API \
                               https://ela.st/es-api-get-api-key";

#[cfg(test)]
mod tests {
    use super::*;
    use jeton_domain::name::{RealmName, Username};
    use jeton_domain::subject::{ApiKeyRef, AuthenticationType, RealmRef};
    use jeton_domain::value::Value;

    fn key_with(role_descriptors: Map) -> Subject {
        let realm = RealmRef { name: RealmName::new("n"), kind: "native".into(), domain: None };
        Subject {
            username: Username::new("ann"),
            roles: Vec::new(),
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled: true,
            authentication_realm: realm.clone(),
            lookup_realm: realm,
            authentication_type: AuthenticationType::ApiKey,
            run_by: None,
            api_key: Some(ApiKeyRef {
                id: "k".into(),
                name: None,
                role_descriptors,
                limited_by: Vec::new(),
            }),
        }
    }

    /// Identity case 86, the rule.
    #[test]
    fn only_keys_without_descriptors_of_their_own_have_privileges_to_list() {
        assert!(!has_descriptors_of_its_own(&key_with(Map::new())));
        let mut descriptors = Map::new();
        descriptors.set("r".into(), Value::Map(Map::new()));
        assert!(has_descriptors_of_its_own(&key_with(descriptors)));
        assert!(OWN_DESCRIPTORS.ends_with("API https://ela.st/es-api-get-api-key"));
    }
}
