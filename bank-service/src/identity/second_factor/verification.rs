//! Giving the second factor: a code of an app, each step once, or a recovery code, each once.
//!
//! Wrong codes of an app are counted per user, in whichever login they are given, and slow the next ones down like wrong
//! passwords. A refusal is a value and not an error, because its count has to be committed. Recovery codes have 128 random
//! bits, so they are neither counted nor slowed down: the owner can still log in with one during an attack.

use chrono::{DateTime, Utc};
use shared_events::UserId;
use shared_events::events::{AccountLocked, MfaFailed, RecoveryCodeUsed, SecurityFacts};

use crate::domain::session::TokenHash;
use crate::domain::throttle::FREE_FAILURES;
use crate::identity::email::mails::notice;
use crate::identity::facts::user_facts;
use crate::store::{self, Ctx, Db, Outcome, PendingEvent, StoreError};

/// A second factor as resolved from the request.
#[derive(Clone)]
pub enum SecondFactorInput {
    /// The step that a code of this factor belongs to; none if it belongs to no step near the present.
    Otp {
        factor_id: String,
        step: Option<i64>,
    },
    RecoveryCode(TokenHash),
}

/// Why a second factor was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The user has a factor, and none was given.
    Missing,
    /// Wrong, or used before.
    Wrong,
    /// Refused unchecked: too many were wrong a moment ago. The next one is checked from this time on.
    SlowedDown(DateTime<Utc>),
}

/// Whether a second factor was given; or why it was refused.
pub type Passed = Result<bool, Refused>;

/// Accepts a user without a second factor, and a right factor.
pub fn verify_second_factor(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    input: Option<&SecondFactorInput>,
    remote_addr: Option<&str>,
) -> Result<Outcome<Passed>, StoreError> {
    if !store::second_factors::is_active(db, user)? {
        return Ok(Outcome::new(Ok(false)));
    }
    let Some(input) = input else { return Ok(Outcome::new(Err(Refused::Missing))) };
    let checked = match input {
        SecondFactorInput::Otp { factor_id, step } => try_otp(db, ctx, user, factor_id, *step)?,
        SecondFactorInput::RecoveryCode(hash) if store::second_factors::spend_code(db, ctx, user, hash)? => Ok(()),
        SecondFactorInput::RecoveryCode(_) => Err((Refused::Wrong, 0)),
    };
    match (checked, input) {
        (Ok(()), SecondFactorInput::Otp { .. }) => Ok(Outcome::new(Ok(true))),
        (Ok(()), SecondFactorInput::RecoveryCode(_)) => code_used(db, ctx, user, remote_addr),
        (Err((refused, failures)), _) => {
            let events = failure(user, refused, failures, remote_addr);
            Ok(Outcome::new(Err(refused)).events(events))
        }
    }
}

/// Checks a code of an app; a refusal comes with the number of wrong ones in a row.
pub(in crate::identity) fn try_otp(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    factor_id: &str,
    step: Option<i64>,
) -> Result<Result<(), (Refused, i32)>, StoreError> {
    let Some(failures) = store::second_factors::take_try(db, ctx, user, factor_id)? else {
        // None: the factor was exchanged since the code was checked against it.
        let until = store::second_factors::not_before(db, user)?.filter(|until| ctx.now < *until);
        return Ok(Err((until.map_or(Refused::Wrong, Refused::SlowedDown), 0)));
    };
    if let Some(step) = step
        && store::second_factors::spend_step(db, user, factor_id, step)?
    {
        return Ok(Ok(()));
    }
    store::second_factors::slow_down(db, ctx, user, failures)?;
    Ok(Err((Refused::Wrong, failures)))
}

/// The security events of a refusal.
pub(in crate::identity) fn failure(
    user: UserId,
    refused: Refused,
    failures: i32,
    remote_addr: Option<&str>,
) -> Vec<PendingEvent> {
    let detail = match refused {
        Refused::Missing => "none given",
        Refused::Wrong => "wrong or used code",
        Refused::SlowedDown(_) => "too many failures",
    };
    let facts = |detail: &str| {
        let facts = user_facts(user, Some(detail.to_owned()));
        SecurityFacts { remote_addr: remote_addr.map(str::to_owned), ..facts }
    };
    let mut events = vec![PendingEvent::new(&MfaFailed(facts(detail)))];
    if failures == FREE_FAILURES {
        events.push(PendingEvent::new(&AccountLocked(facts("wrong second factors"))));
    }
    events
}

fn code_used(db: &mut Db, ctx: &Ctx, user: UserId, remote_addr: Option<&str>) -> Result<Outcome<Passed>, StoreError> {
    let left = store::second_factors::codes_left(db, user)?;
    let owner = store::users::find(db, user)?.ok_or(StoreError::Corrupt { what: "a second factor's user" })?;
    let facts = user_facts(user, Some(format!("{left} left")));
    let facts = SecurityFacts { remote_addr: remote_addr.map(str::to_owned), ..facts };
    let text = format!("A recovery code was used instead of a code of your authenticator app; {left} are left.");
    let mail = notice(db, ctx, &owner, "A recovery code was used", &text)?;
    Ok(Outcome::new(Ok(true)).event(&RecoveryCodeUsed(facts)).events(mail))
}
