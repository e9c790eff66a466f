//! A refresh: the token is spent, the answer is signed, and for a request with an `Idempotency-Key` sealed for its retry.

use crate::domain::session::{Grant, TokenHash};
use crate::identity::IdentityService;
use crate::identity::login::{Origin, RefreshError};
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::sessions::refresh::{Answered, RefreshSession, Refreshed, refresh};
use crate::identity::tokens::{TokenPair, access_token};
use crate::sealing::Place;
use crate::store::{Ctx, Db, StoreError, refresh_tokens};

const RETRY_KEY: &str = "refresh: Idempotency-Key";

impl IdentityService {
    /// Whether a refresh token can be spent, as far as one look tells. It opens no transaction, so that junk is cheap.
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
            // The request may have waited for its turn to write; what counts is when the token is spent.
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

    /// Signs the answer, and seals a copy where a retry may ask for it.
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
