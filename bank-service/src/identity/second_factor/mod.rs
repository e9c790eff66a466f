//! The second factor: seeds sealed and opened, recovery codes made and hashed, codes checked.
//!
//! A seed is sealed for its table, column and user. A code is checked against it outside of the transaction, which then decides
//! whether its step still counts.

pub mod enrolment;
pub mod verification;

use std::time::Duration;

use chrono::{DateTime, Utc};
use service_kit::http::auth::AuthError;
use service_kit::ids::{new_uuid, random_bytes};
use sha2::{Digest, Sha256};
use shared_events::UserId;

use crate::domain::mfa::{Otp, PENDING_FOR, RECOVERY_CODES, RecoveryCode, Seed, SeedError};
use crate::domain::password::Password;
use crate::domain::session::TokenHash;
use crate::identity::IdentityService;
use crate::identity::login::first_factor::{LogInError, LoginSubject};
use crate::identity::origin::Origin;
use crate::identity::second_factor::enrolment::{Activate, MfaError, Owner};
use crate::identity::second_factor::verification::{Refused, SecondFactorInput};
use crate::sealing::{Place, VaultError};
use crate::store::second_factors::{self, NewFactor};
use crate::store::{Ctx, StoreError, users};

/// A second factor as the request gave it.
pub enum GivenFactor {
    Otp(Otp),
    RecoveryCode(RecoveryCode),
}

/// A password as the request gave it.
pub enum GivenPassword {
    Missing,
    /// None if no user can have it.
    Given(Option<Password>),
}

/// A new seed, shown to its owner once.
pub struct NewSeed {
    pub base32: String,
    pub otpauth_url: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    #[error("a second factor is asked for")]
    Required,
    #[error("the code is wrong, or was used before")]
    Wrong,
    #[error("too many codes were wrong")]
    SlowedDown { retry_after: Duration },
    #[error("there is no such challenge")]
    NoChallenge,
    #[error("the password is missing")]
    PasswordMissing,
    #[error(transparent)]
    Setup(#[from] MfaError),
    #[error(transparent)]
    Password(#[from] LogInError),
    #[error("the seed cannot be sealed or opened")]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl SecondFactorError {
    pub(in crate::identity) fn refused(refused: Refused, now: DateTime<Utc>) -> Self {
        match refused {
            Refused::Missing => Self::Required,
            Refused::Wrong => Self::Wrong,
            Refused::SlowedDown(until) => Self::SlowedDown { retry_after: (until - now).to_std().unwrap_or_default() },
        }
    }
}

impl IdentityService {
    /// Makes a seed that waits for its first code.
    pub async fn begin_mfa(&self, ctx: Ctx, user_id: UserId) -> Result<NewSeed, SecondFactorError> {
        let account = self.account(user_id).await?;
        let seed = Seed::new(random_bytes());
        let sealed_seed = self.0.vault.seal(place(&user_id.to_string()), seed.expose())?;
        let factor_id = new_uuid().to_string();
        let new = NewFactor { user_id, factor_id, sealed_seed, pending_until: ctx.now + PENDING_FOR };
        self.0.store.write(&ctx, move |db, ctx| enrolment::begin(db, ctx, &new)).await?;
        Ok(NewSeed { base32: seed.base32(), otpauth_url: seed.otpauth_url(&account)? })
    }

    /// The pending seed as a QR code, a PNG image; once.
    pub async fn mfa_qr_code(&self, ctx: Ctx, user_id: UserId) -> Result<Vec<u8>, SecondFactorError> {
        let account = self.account(user_id).await?;
        let sealed = self.0.store.write(&ctx, move |db, ctx| enrolment::show_qr(db, ctx, user_id)).await?;
        Ok(self.open_seed(user_id, &sealed)?.qr_code(&account)?)
    }

    /// Activates the pending seed by its first code; gives the recovery codes, and how many other sessions ended.
    pub async fn activate_mfa(
        &self,
        ctx: Ctx,
        owner: Owner,
        otp: Otp,
    ) -> Result<(Vec<RecoveryCode>, usize), SecondFactorError> {
        let user_id = owner.user_id;
        let factor = self.0.store.read(move |db| second_factors::find(db, user_id)).await?.ok_or(MfaError::NotFound)?;
        if factor.is_active() {
            return Err(MfaError::AlreadyActive.into());
        }
        if !factor.is_pending(ctx.now) {
            return Err(MfaError::NotFound.into());
        }
        let step = self.open_seed(user_id, &factor.sealed_seed)?.step_of(&otp, ctx.now);
        let codes = new_codes();
        let recovery_codes = codes.iter().map(hash).collect();
        let command = Activate { owner, factor_id: factor.factor_id, step, recovery_codes };
        let activated = self.0.store.write(&ctx, move |db, ctx| enrolment::activate(db, ctx, &command)).await?;
        let ended = activated.map_err(|refused| SecondFactorError::refused(refused, ctx.now))?;
        self.user_changed(user_id);
        Ok((codes, ended))
    }

    /// Removes the factor, on the password (if the user has one) and a second factor.
    pub async fn deactivate_mfa(
        &self,
        ctx: Ctx,
        owner: Owner,
        password: GivenPassword,
        given: GivenFactor,
        origin: Origin,
    ) -> Result<(), SecondFactorError> {
        let user_id = owner.user_id;
        if let GivenPassword::Given(password) = password {
            self.verify_password(&ctx, LoginSubject::Session(user_id, owner.session_id), password, &origin).await?;
        } else {
            let known = self.0.store.read(move |db| users::credentials_of(db, user_id)).await?;
            if known.is_none_or(|known| known.password_hash.is_some()) {
                return Err(SecondFactorError::PasswordMissing);
            }
        }
        let second_factor = self.resolve_factor(&ctx, user_id, Some(given)).await?.ok_or(MfaError::NotFound)?;
        let done =
            self.0.store.write(&ctx, move |db, ctx| enrolment::deactivate(db, ctx, &owner, &second_factor)).await?;
        done.map_err(|refused| SecondFactorError::refused(refused, ctx.now))
    }

    /// Ten new recovery codes, which replace all earlier ones.
    pub async fn renew_recovery_codes(&self, ctx: Ctx, owner: Owner) -> Result<Vec<RecoveryCode>, SecondFactorError> {
        let codes = new_codes();
        let hashes: Vec<TokenHash> = codes.iter().map(hash).collect();
        self.0.store.write(&ctx, move |db, ctx| enrolment::renew_codes(db, ctx, &owner, &hashes)).await?;
        Ok(codes)
    }

    /// The part of a factor's check that needs no transaction.
    pub(in crate::identity) async fn resolve_factor(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        given: Option<GivenFactor>,
    ) -> Result<Option<SecondFactorInput>, SecondFactorError> {
        let otp = match given {
            None => return Ok(None),
            Some(GivenFactor::RecoveryCode(code)) => return Ok(Some(SecondFactorInput::RecoveryCode(hash(&code)))),
            Some(GivenFactor::Otp(otp)) => otp,
        };
        let factor = self.0.store.read(move |db| second_factors::find(db, user_id)).await?;
        let Some(factor) = factor else {
            return Ok(Some(SecondFactorInput::Otp { factor_id: String::new(), step: None }));
        };
        let step = self.open_seed(user_id, &factor.sealed_seed)?.step_of(&otp, ctx.now);
        Ok(Some(SecondFactorInput::Otp { factor_id: factor.factor_id, step }))
    }

    fn open_seed(&self, user_id: UserId, sealed: &[u8]) -> Result<Seed, SecondFactorError> {
        Ok(Seed::from_slice(&self.0.vault.open(place(&user_id.to_string()), sealed)?)?)
    }

    /// The name that the app shows beside the code.
    async fn account(&self, user_id: UserId) -> Result<String, SecondFactorError> {
        let user = self.0.store.read(move |db| users::find(db, user_id)).await?.ok_or(MfaError::SessionEnded)?;
        Ok(user.email.as_str().to_owned())
    }
}

pub(in crate::identity) fn place(user: &str) -> Place<'_> {
    Place { table: "totp_factors", column: "sealed_seed", row: user }
}

fn new_codes() -> Vec<RecoveryCode> {
    std::iter::repeat_with(|| RecoveryCode::new(random_bytes())).take(RECOVERY_CODES).collect()
}

/// The stored hash of a recovery code. 128 random bits need neither salt nor stretching.
fn hash(code: &RecoveryCode) -> TokenHash {
    TokenHash::new(Sha256::digest(code.expose().as_bytes()).into())
}
