//! Issue: a grant becomes a pair.

use std::sync::Arc;

use jeton_domain::authentication::Authentication;
use jeton_domain::id::PairId;
use jeton_domain::name::Username;
use jeton_domain::privilege::action;
use jeton_domain::secret::Secret;
use jeton_domain::token::key::MacKey;
use jeton_domain::token::pair::{Minting, Pair};
use jeton_domain::token::text::{self, Half};
use jeton_realms::realm::Evidence;
use jeton_store::engine::{Expect, Key};
use jeton_store::error::StoreError;
use jeton_store::tables::{keys, subjects};
use jeton_store::transaction::{Attempts, Transaction};

use super::Granted;
use crate::authenticate::Asking;
use crate::caller::Caller;
use crate::error::Unauthenticated;
use crate::{Authority, AuthorityError, TokenPolicy};

/// What a caller asks a token for.
#[derive(Clone, Debug)]
pub enum Grant {
    /// For an end user, by their password.
    Password {
        /// The end user.
        username: Username,
        /// Their password.
        password: Arc<Secret>,
    },
    /// For an end user, by a Kerberos ticket in base64, decoded.
    Kerberos {
        /// The ticket.
        ticket: Arc<Secret>,
    },
    /// For the caller.
    ClientCredentials,
}

/// Whom a grant is for, and what that rests on.
struct GrantedTo {
    authentication: Authentication,
    evidence: Option<Evidence>,
    with_refresh: bool,
}

impl Authority {
    /// Makes a pair. When it is answered the pair is durable, usable, and found by bulk
    /// revocations.
    ///
    /// Decided again from the start, credentials included, when anything that it rests on changed
    /// before it was admitted to a commit.
    pub async fn issue(&self, mut caller: Caller, grant: Grant) -> Result<Granted, AuthorityError> {
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::CREATE_TOKEN).await?;
            let to = self.granted_to(&caller, &grant).await?;
            let policy = self.token_policy()?;
            let (granted, transaction) = self.mint(&caller, to, policy).await?;
            if attempts.weigh(transaction.commit().await)?.is_some() {
                return Ok(granted);
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// How tokens are made, or why none are.
    pub(crate) fn token_policy(&self) -> Result<TokenPolicy, AuthorityError> {
        self.policy.tokens.ok_or(AuthorityError::TokensDisabled)
    }

    async fn granted_to(
        &self,
        caller: &Caller,
        grant: &Grant,
    ) -> Result<GrantedTo, AuthorityError> {
        match grant {
            Grant::Password { username, password } => {
                let address = caller.presented.address;
                let vouched = self.verify(username, password, address, Asking::EndUser).await?;
                let name = || Unauthenticated::EndUser(username.as_str().to_owned());
                let vouched = vouched.ok_or_else(name)?;
                let evidence = vouched.evidence.clone();
                let authentication = Authentication::of(Arc::new(Self::subject_of(vouched)));
                Ok(GrantedTo { authentication, evidence, with_refresh: true })
            }
            Grant::Kerberos { .. } => {
                Err(Unauthenticated::EndUser(KERBEROS_USER.to_owned()).into())
            }
            Grant::ClientCredentials => Ok(GrantedTo {
                authentication: caller.authentication.clone(),
                evidence: None,
                with_refresh: false,
            }),
        }
    }

    async fn mint(
        &self,
        caller: &Caller,
        to: GrantedTo,
        policy: TokenPolicy,
    ) -> Result<(Granted, Transaction<'_>), AuthorityError> {
        self.check_room()?;
        let ring = self.ring();
        let key = signing_key(ring.active())?;
        let subject = &to.authentication.subject;
        let canonical = subjects::encode(subject)?;
        let realm = &subject.effective_realm().name;
        let generation = self.store.generation(realm).await?;
        let pair = Pair::mint(Minting {
            id: PairId::mint(caller.now, self.random()),
            now: caller.now,
            access_lifetime_ms: policy.access_lifetime_ms,
            with_refresh: to.with_refresh,
            owner: caller.authentication.subject.client(),
            subject: canonical.hash,
            generation,
        });
        let mut transaction = self.store.begin(caller.noted, self.batch_id());
        rest_on(&mut transaction, caller);
        to.evidence.into_iter().for_each(|evidence| transaction.guard(evidence.key));
        transaction.guard(keys::key(key.id()));
        transaction.guard_cutoffs(&subject.username, realm);
        transaction.admit(&pair, &subject.username, realm, &canonical);
        let granted = Granted {
            access: text::print(Half::Access, pair.id, key),
            refresh: pair.refresh.map(|_| text::print(Half::Refresh, pair.id, key)),
            expires_in_s: policy.access_lifetime_ms / 1000,
            authentication: to.authentication,
        };
        Ok((granted, transaction))
    }

    /// Whether an answer that commits nothing may be given to the caller: all that the
    /// authentication rests on still held after the answer was found. `Conflict` says "decide
    /// again".
    pub(crate) fn still_rests(&self, caller: &Caller) -> Result<(), StoreError> {
        let holds = |key: Key| self.store.is_unchanged_since(&key, caller.noted);
        if caller.grounds().all(holds) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// What an attempt comes to. A refusal commits nothing: it is told only if the caller may still
    /// be told.
    pub(crate) fn settled<T>(
        &self,
        caller: &Caller,
        attempt: Result<Result<T, StoreError>, AuthorityError>,
    ) -> Result<Result<T, AuthorityError>, StoreError> {
        match attempt {
            Ok(outcome) => outcome.map(Ok),
            Err(refused) => self.still_rests(caller).map(|()| Err(refused)),
        }
    }

    /// Refuses grants while free space is below the reserve, so that revocation stays possible.
    pub(crate) fn check_room(&self) -> Result<(), AuthorityError> {
        if self.store.has_room() {
            return Ok(());
        }
        Err(AuthorityError::Unavailable {
            what: "no tokens are granted while the disk is nearly full",
            cause: "free space is below the reserve".to_owned(),
        })
    }
}

/// The key that signs, or that there is none at present.
pub(crate) fn signing_key(active: Option<&MacKey>) -> Result<&MacKey, AuthorityError> {
    active.ok_or_else(|| AuthorityError::Unavailable {
        what: "unable to perform requested action",
        cause: "no key is active".to_owned(),
    })
}

/// Lets a transaction rest on everything that the caller's authentication and rights rest on: no
/// row that vouched and no role has changed since the tick that was noted before it was read.
pub(crate) fn rest_on(transaction: &mut Transaction<'_>, caller: &Caller) {
    for key in caller.grounds() {
        transaction.expect(Expect::UnchangedSince(key, caller.noted));
    }
}

const KERBEROS_USER: &str = "<Kerberos Token>";
