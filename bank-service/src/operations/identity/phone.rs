//! A user proves a telephone number: a code is sent there by text message, and comes back. One number is one user's.

use std::sync::Arc;

use shared_events::UserId;
use shared_events::events::{PhoneVerified, SecurityFacts, SmsRequest, SmsRequested};

use super::one_time::{self, CodeTry};
use super::user_facts;
use crate::domain::one_time::{NotYet, Purpose};
use crate::domain::phone::PhoneNumber;
use crate::security::Vault;
use crate::security::one_time::Code;
use crate::sms::TextMessage;
use crate::store::one_time_secrets::NewSecret;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum SendPhoneCodeError {
    #[error("one was sent a moment ago, or too many in one day")]
    NotYet(NotYet),
    #[error("the message cannot be sealed")]
    Seal,
    #[error("the store failed")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyPhoneError {
    #[error("the number is another user's")]
    Taken,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(SendPhoneCodeError, VerifyPhoneError);

/// It has no `Debug`.
pub struct SendPhoneCode {
    pub user_id: UserId,
    pub number: PhoneNumber,
    pub code: Code,
    pub vault: Arc<Vault>,
}

/// Sends a code to a number, whoever has it by now: that it is another user's is said only to who can read its messages.
pub fn send_phone_code(db: &mut Db, ctx: &Ctx, command: &SendPhoneCode) -> Result<Outcome<()>, SendPhoneCodeError> {
    let (purpose, user, number) = (Purpose::PhoneCode, command.user_id, &command.number);
    let hash = command.code.hash(&command.vault, purpose, user, number.as_str());
    let new = NewSecret { purpose, user_id: Some(user), subject: number.as_str().to_owned(), hash };
    one_time::issue(db, ctx, &new)?.map_err(SendPhoneCodeError::NotYet)?;
    let text = format!(
        "{} is your bank's confirmation code, valid for {}. Give it to nobody.",
        command.code.expose(),
        purpose.valid_for()
    );
    let message = TextMessage { to: number.clone(), text };
    let sealed = message.seal(&command.vault, user).ok_or(SendPhoneCodeError::Seal)?;
    let request = SmsRequest { user_id: user, to: number.masked(), sealed };
    Ok(Outcome::new(()).event(&SmsRequested(request)))
}

/// It has no `Debug`.
pub struct VerifyPhone {
    pub user_id: UserId,
    /// None if no code can be so.
    pub code: Option<Code>,
    pub vault: Arc<Vault>,
    pub remote_addr: Option<String>,
}

/// Takes the code; the number that is the user's with it, or none if the code is wrong, which has to be committed.
pub fn verify_phone(
    db: &mut Db,
    ctx: &Ctx,
    command: &VerifyPhone,
) -> Result<Outcome<Option<PhoneNumber>>, VerifyPhoneError> {
    let (user, Some(code)) = (command.user_id, &command.code) else { return Ok(Outcome::new(None)) };
    let tried = one_time::try_code(db, ctx, &command.vault, Purpose::PhoneCode, Some(user), code)?;
    let CodeTry::Right { subject } = tried else { return Ok(Outcome::new(None)) };
    let number = PhoneNumber::parse(&subject).map_err(|_| StoreError::Corrupt { what: "one_time_secrets.subject" })?;
    match store::phones::set(db, user, &number, ctx.now) {
        Err(StoreError::UniqueViolation) => return Err(VerifyPhoneError::Taken),
        set => set?,
    }
    let facts = SecurityFacts { remote_addr: command.remote_addr.clone(), ..user_facts(user, Some(number.masked())) };
    Ok(Outcome::new(Some(number)).event(&PhoneVerified(facts)))
}
