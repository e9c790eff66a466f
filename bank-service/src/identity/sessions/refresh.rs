//! Exchanging a refresh token for its successor.
//!
//! One guarded UPDATE decides which request spends it. A token that comes back within `REFRESH_GRACE` of its use is a retry
//! after a lost answer, or a second tab: it is refused, and ends nothing; with the `Idempotency-Key` of the first request it
//! gets the first answer again. If it comes back later, or after its successor was spent, it counts as stolen: the
//! whole session ends. Somebody who steals a token and spends it first within that time is therefore not found out by the
//! owner's retry; the owner, refused, logs in again and finds the session in the list of sessions.
//!
//! The answer is signed in the same transaction, and for a request with an `Idempotency-Key` sealed for its retry.

use service_kit::http::auth::AuthError;
use shared_events::events::{RefreshTokenReused, RefreshTokenSpent, SecurityFacts};

use crate::domain::session::{Grant, SecondUse, Session, SessionEnd, SessionId, TokenHash, classify_second_use};
use crate::identity::IdentityService;
use crate::identity::facts::session_facts;
use crate::identity::login::session::grant;
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::origin::Origin;
use crate::identity::tokens::{TokenPair, access_token};
use crate::sealing::{Place, VaultError};
use crate::store::refresh_tokens::{self, KeptAnswer, Use};
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, Clone)]
pub struct RefreshSession {
    pub token_hash: TokenHash,
    pub successor: TokenHash,
    /// A keyed hash of the request's `Idempotency-Key`, if it has one.
    pub retry_key: Option<String>,
    pub remote_addr: Option<String>,
}

/// The outcome of a refresh. A refusal is a value and not an error, because its records have to be committed.
pub enum Refreshed<A> {
    Granted(A),
    /// The first answer again, sealed.
    Repeated(Vec<u8>),
    /// No such token.
    Unknown,
    Expired,
    Revoked,
    Blocked,
    /// The token was spent a moment ago.
    Spent,
    /// The token was spent before; its session has ended with this.
    Reused(SessionId),
}

/// An answer to send, and its sealed copy for a retry where one is expected.
pub type Answered<A> = (A, Option<Vec<u8>>);

/// Spends the token. `answer` makes the answer of a grant; it seals a copy if there is a `retry_key`.
pub fn refresh<A, E: From<StoreError>>(
    db: &mut Db,
    ctx: &Ctx,
    command: &RefreshSession,
    answer: impl Fn(&Grant) -> Result<Answered<A>, E>,
) -> Result<Outcome<Refreshed<A>>, E> {
    let Some(token) = refresh_tokens::find(db, command.token_hash.as_str())? else {
        return Ok(Outcome::new(Refreshed::Unknown));
    };
    let session = store::sessions::find(db, token.session_id)?;
    let session = session.ok_or(StoreError::Corrupt { what: "a refresh token's session" })?;
    let user = store::users::find(db, session.user_id)?;
    let user = user.ok_or(StoreError::Corrupt { what: "a session's user" })?;
    if user.is_blocked {
        return Ok(Outcome::new(Refreshed::Blocked));
    }
    match session.check(ctx.now) {
        Err(SessionEnd::Revoked) => return Ok(Outcome::new(Refreshed::Revoked)),
        Err(SessionEnd::Expired) => return Ok(Outcome::new(Refreshed::Expired)),
        Ok(()) => {}
    }
    let (token_hash, from) = (command.token_hash.as_str(), command.remote_addr.as_deref());
    if !refresh_tokens::spend(db, ctx, token_hash, from, &command.successor)? {
        return Ok(second_use(db, ctx, command, &session)?);
    }
    refresh_tokens::insert(db, command.successor.as_str(), session.id, ctx.now)?;
    store::sessions::touch(db, session.id, ctx.now)?;
    let (given, sealed) = answer(&grant(db, user, &session, false)?)?;
    if let Some((retry_key, sealed)) = command.retry_key.clone().zip(sealed) {
        refresh_tokens::keep_answer(db, ctx, token_hash, &KeptAnswer { retry_key, sealed })?;
    }
    Ok(Outcome::new(Refreshed::Granted(given)))
}

fn second_use<A>(
    db: &mut Db,
    ctx: &Ctx,
    command: &RefreshSession,
    session: &Session,
) -> Result<Outcome<Refreshed<A>>, StoreError> {
    // Read again: on engines that run transactions in parallel, it was spent after the first read.
    let token = refresh_tokens::find(db, command.token_hash.as_str())?;
    let first = token.and_then(|token| token.first_use).ok_or(StoreError::Corrupt { what: "a spent token's use" })?;
    if classify_second_use(ctx.now, first.used_on, first.successor_is_spent) == SecondUse::Retry {
        let repeated = repeated(command, &first);
        let spent = RefreshTokenSpent(facts(command, session, &first));
        return Ok(Outcome::new(repeated.map_or(Refreshed::Spent, Refreshed::Repeated)).event(&spent));
    }
    store::sessions::revoke(db, session.id, ctx.now)?;
    let reused = RefreshTokenReused(facts(command, session, &first));
    Ok(Outcome::new(Refreshed::Reused(session.id)).event(&reused))
}

/// The answer to the first use, if this is the same request again.
fn repeated(command: &RefreshSession, first: &Use) -> Option<Vec<u8>> {
    let kept = first.answer.clone()?;
    (command.retry_key.as_deref() == Some(kept.retry_key.as_str())).then_some(kept.sealed)
}

/// The facts of the second use, with the origin of the first one.
fn facts(command: &RefreshSession, session: &Session, first: &Use) -> SecurityFacts {
    let facts = session_facts(session.user_id, session.id, command.remote_addr.clone());
    let from = first.used_from.as_deref().unwrap_or("an unknown address");
    SecurityFacts { detail: Some(format!("first used from {from}")), ..facts }
}

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("there is no such refresh token")]
    Invalid,
    #[error("the refresh token was spent a moment ago")]
    Spent,
    #[error("the answer cannot be sealed or opened")]
    Vault(#[from] VaultError),
    #[error("the session has ended")]
    Revoked,
    #[error("the session is over")]
    Expired,
    #[error("the user is blocked")]
    Blocked,
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(RefreshError);

const RETRY_KEY: &str = "refresh: Idempotency-Key";

impl IdentityService {
    /// Whether a refresh token is known and not spent yet; its session may have ended. It opens no transaction, so that invalid tokens cost
    /// little.
    pub async fn is_spendable(&self, token: &str) -> Result<bool, StoreError> {
        let Some(token) = OpaqueToken::parse(token) else { return Ok(false) };
        let known = self.0.store.read(move |db| refresh_tokens::find(db, token.hash().as_str())).await?;
        Ok(known.is_some_and(|token| token.first_use.is_none()))
    }

    /// Spends a refresh token for its successor; gives the first answer again to a retry with the same `Idempotency-Key`.
    pub async fn refresh(
        &self,
        ctx: Ctx,
        token: &str,
        idempotency_key: Option<&str>,
        origin: Origin,
    ) -> Result<TokenPair, RefreshError> {
        let token_hash = OpaqueToken::parse(token).ok_or(RefreshError::Invalid)?.hash();
        let known = token_hash.clone();
        if self.0.store.read(move |db| refresh_tokens::find(db, known.as_str())).await?.is_none() {
            return Err(RefreshError::Invalid);
        }
        let refresh_token = OpaqueToken::generate();
        let command = RefreshSession {
            token_hash: token_hash.clone(),
            successor: refresh_token.hash(),
            retry_key: idempotency_key.map(|key| hex::encode(self.0.vault.hmac(RETRY_KEY, key.as_bytes()))),
            remote_addr: Some(origin.remote_addr),
        };
        let identity = self.clone();
        let operation = move |db: &mut Db, ctx: &Ctx| {
            // The request may have waited for the write; the time that counts is when the token is spent.
            let mut ctx = ctx.clone();
            ctx.now = identity.0.clock.now();
            refresh(db, &ctx, &command, |grant| identity.answer(&command, grant, &refresh_token))
        };
        match self.0.store.write(&ctx, operation).await? {
            Refreshed::Granted(pair) => Ok(pair),
            Refreshed::Repeated(sealed) => self.repeated(&token_hash, &sealed),
            Refreshed::Unknown => Err(RefreshError::Invalid),
            Refreshed::Expired => Err(RefreshError::Expired),
            Refreshed::Revoked => Err(RefreshError::Revoked),
            Refreshed::Blocked => Err(RefreshError::Blocked),
            Refreshed::Spent => Err(RefreshError::Spent),
            Refreshed::Reused(session) => {
                self.forget_session(session);
                Err(RefreshError::Revoked)
            }
        }
    }

    /// Signs the answer, and seals a copy if the request has a key for retries.
    fn answer(
        &self,
        command: &RefreshSession,
        grant: &Grant,
        refresh_token: &OpaqueToken,
    ) -> Result<Answered<TokenPair>, RefreshError> {
        let pair = TokenPair::new(
            access_token(&self.0.keys, grant, self.0.clock.now())?,
            self.0.keys.token_lifetime(),
            refresh_token,
        );
        let plain = format!("{} {}", pair.access_token, pair.refresh_token);
        let sealed =
            command.retry_key.as_ref().map(|_| self.0.vault.seal(place(&command.token_hash), plain.as_bytes()));
        Ok((pair, sealed.transpose()?))
    }

    fn repeated(&self, token: &TokenHash, sealed: &[u8]) -> Result<TokenPair, RefreshError> {
        let corrupt = StoreError::Corrupt { what: "refresh_tokens.sealed_answer" };
        let plain = String::from_utf8(self.0.vault.open(place(token), sealed)?).ok();
        let pair = plain.as_deref().and_then(|plain| plain.split_once(' '));
        let (access, refresh) =
            pair.and_then(|(access, refresh)| Some((access, OpaqueToken::parse(refresh)?))).ok_or(corrupt)?;
        Ok(TokenPair::new(access.to_owned(), self.0.keys.token_lifetime(), &refresh))
    }
}

fn place(token: &TokenHash) -> Place<'_> {
    Place { table: "refresh_tokens", column: "sealed_answer", row: token.as_str() }
}
