//! Refresh: a refresh token becomes a new pair, once.

use jeton_domain::authentication::Authentication;
use jeton_domain::id::PairId;
use jeton_domain::privilege::action;
use jeton_domain::secret::Secret;
use jeton_domain::subject::AuthenticationType;
use jeton_domain::token::key::{KeyLookup, KeyRing};
use jeton_domain::token::pair::{Minting, Pair, Spent};
use jeton_domain::token::refresh::{RefreshRefusal, Verdict, judge};
use jeton_domain::token::text::{self, Half};
use jeton_store::coherent::KnownSubject;
use jeton_store::tables::{keys, pairs, subjects};
use jeton_store::transaction::{Attempts, Transaction};
use std::sync::Arc;

use super::Granted;
use super::issue::{rest_on, signing_key};
use crate::caller::Caller;
use crate::{Authority, AuthorityError, TokenPolicy};

/// What one attempt at a refresh comes to.
enum Step<'a> {
    /// A pair to be committed.
    Mint(Granted, Transaction<'a>),
    /// The strings of the first refresh again; nothing is written.
    Replay(Granted),
}

impl Authority {
    /// Exchanges a refresh token for a new pair; a repeat within the window gives the same strings.
    ///
    /// When it is answered the new access token is durable and usable. Concurrent first uses agree
    /// on one successor.
    pub async fn refresh(
        &self,
        mut caller: Caller,
        token: &Secret,
    ) -> Result<Granted, AuthorityError> {
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::REFRESH_TOKEN).await?;
            let policy = self.token_policy()?;
            let id = self
                .named_pair(Half::Refresh, token.expose(), caller.now)?
                .ok_or(RefreshRefusal::Unknown)?;
            let outcome = match self.refresh_once(&caller, id, policy).await {
                Ok(Step::Mint(granted, transaction)) => {
                    transaction.commit().await.map(|_| Ok(granted))
                }
                Ok(Step::Replay(granted)) => self.still_rests(&caller).map(|()| Ok(granted)),
                Err(refused @ AuthorityError::Refresh(_)) => {
                    self.still_rests(&caller).map(|()| Err(refused))
                }
                Err(other) => return Err(other),
            };
            if let Some(answer) = attempts.weigh(outcome)? {
                return answer;
            }
            caller = self.admit_again(caller).await?;
        }
    }

    async fn refresh_once(
        &self,
        caller: &Caller,
        id: PairId,
        policy: TokenPolicy,
    ) -> Result<Step<'_>, AuthorityError> {
        let mut transaction = self.store.begin(caller.noted, self.batch_id());
        let pair = transaction.pair(id).await?.ok_or(RefreshRefusal::Unknown)?;
        let known = self.store.known_subject(&pair).await?;
        let client = caller.authentication.subject.client();
        match judge(&pair, caller.now, known.dead_below(), &client)? {
            Verdict::Replay(spent) => self.replay(spent, &known, policy).await.map(Step::Replay),
            Verdict::Mint => {
                self.check_room()?;
                self.succeed(caller, &pair, &known, transaction, policy).await
            }
        }
    }

    /// The strings of the first refresh, computed again.
    async fn replay(
        &self,
        spent: Spent,
        known: &KnownSubject,
        policy: TokenPolicy,
    ) -> Result<Granted, AuthorityError> {
        self.store.row(&pairs::key(spent.successor)).await?.ok_or(RefreshRefusal::Unknown)?;
        granted(&self.ring(), spent, known, policy)
    }

    async fn succeed<'a>(
        &'a self,
        caller: &Caller,
        pair: &Pair,
        known: &Arc<KnownSubject>,
        mut transaction: Transaction<'a>,
        policy: TokenPolicy,
    ) -> Result<Step<'a>, AuthorityError> {
        let ring = self.ring();
        let key = signing_key(ring.active())?.id();
        let subject = known.subject();
        let realm = &subject.effective_realm().name;
        let canonical = subjects::encode(subject)?;
        let generation = self.store.generation(realm).await?;
        let successor = pair.successor(Minting {
            id: PairId::mint(caller.now, self.random()),
            now: caller.now,
            access_lifetime_ms: policy.access_lifetime_ms,
            with_refresh: true,
            owner: caller.authentication.subject.client(),
            subject: canonical.hash,
            generation,
        });
        let spent = Spent { at: caller.now, successor: successor.id, key };
        let after = pair.spend(spent).ok_or(RefreshRefusal::Unknown)?;
        rest_on(&mut transaction, caller);
        transaction.guard(keys::key(key));
        transaction.guard_cutoffs(&subject.username, realm);
        transaction.alter(pair, &after, &subject.username, realm);
        transaction.admit(&successor, &subject.username, realm, &canonical);
        Ok(Step::Mint(granted(&ring, spent, known, policy)?, transaction))
    }
}

fn granted(
    ring: &KeyRing,
    spent: Spent,
    known: &KnownSubject,
    policy: TokenPolicy,
) -> Result<Granted, AuthorityError> {
    let key = match ring.key(spent.key) {
        KeyLookup::Held(key) => key,
        KeyLookup::Refused => return Err(RefreshRefusal::Unknown.into()),
        KeyLookup::Missing => {
            return Err(AuthorityError::Unavailable {
                what: "unable to perform requested action",
                cause: format!("key {} is not held by this process", spent.key),
            });
        }
    };
    Ok(Granted {
        access: text::print(Half::Access, spent.successor, key),
        refresh: Some(text::print(Half::Refresh, spent.successor, key)),
        expires_in_s: policy.access_lifetime_ms / 1000,
        authentication: Authentication {
            subject: Arc::clone(known.subject()),
            kind: AuthenticationType::Token,
            pair: Some(spent.successor),
        },
    })
}
