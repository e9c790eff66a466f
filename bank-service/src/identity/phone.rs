//! A user proves a telephone number by the code of a text message. A number belongs to one user only.

use shared_events::UserId;
use shared_events::events::{PhoneVerified, SecurityFacts, SmsRequest, SmsRequested};

use crate::domain::one_time::{Cooldown, Purpose};
use crate::domain::phone::{PhoneNumber, TextMessageRules};
use crate::domain::text_message::TextMessage;
use crate::domain::throttle::Cap;
use crate::identity::IdentityService;
use crate::identity::email::caps;
use crate::identity::facts::user_facts;
use crate::identity::one_time::secret::Code;
use crate::identity::one_time::{self, CodeTry, Guesses};
use crate::identity::origin::{Origin, Visit};
use crate::sealing::{CounterKey, Seal, text_message};
use crate::store::mail_alarm::Kind;
use crate::store::one_time_secrets::NewSecret;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum SendPhoneCodeError {
    #[error("one was sent a moment ago, or too many in one day")]
    Cooldown(Cooldown),
    #[error("the address is not verified")]
    AddressNotVerified,
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

pub struct SendPhoneCode {
    pub user_id: UserId,
    pub number: PhoneNumber,
    pub code: Code,
    pub visit: Visit,
    pub rules: TextMessageRules,
}

/// Sends a code to a number. That the number is another user's shows only after its code was given.
pub fn send_phone_code(db: &mut Db, ctx: &Ctx, command: &SendPhoneCode) -> Result<Outcome<()>, SendPhoneCodeError> {
    let (purpose, user, number) = (Purpose::PhoneCode, command.user_id, &command.number);
    let vault = &command.visit.vault;
    let holder = store::users::find(db, user)?.filter(|holder| holder.email_verified_on.is_some());
    if holder.is_none() {
        return Err(SendPhoneCodeError::AddressNotVerified);
    }
    let shares = shares(command);
    let capped = caps::take_all(db, ctx, &shares)?;
    let [.., in_all] = &shares;
    if caps::is_used_up(db, ctx, in_all)?
        && let Some(alarm) = ctx.mail_alarm()
    {
        // The share was used up by this message or before.
        alarm.ring(Kind::TextMessage, capped.is_ok());
    }
    capped.map_err(|until| SendPhoneCodeError::Cooldown(Cooldown::TooMany(until)))?;
    let hash = command.code.hash(vault, purpose, user, number.as_str());
    let (subject, lifetime) = (number.as_str().to_owned(), command.rules.code_lifetime());
    let new = NewSecret { purpose, user_id: Some(user), subject, hash, session_id: None, lifetime };
    one_time::issue(db, ctx, &new)?.map_err(SendPhoneCodeError::Cooldown)?;
    let text = format!(
        "{} is your bank's confirmation code, valid for {}. Give it to nobody.",
        command.code.expose(),
        command.rules.valid_for()
    );
    let message = TextMessage { to: number.clone(), text };
    let sealed = text_message::seal(vault, user, &message).ok_or(SendPhoneCodeError::Seal)?;
    let request = SmsRequest { user_id: user, to: number.masked(), sealed };
    Ok(Outcome::new(()).event(&SmsRequested(request)))
}

fn shares(command: &SendPhoneCode) -> [(CounterKey, Cap); 5] {
    let (visit, number, rules) = (&command.visit, &command.number, &command.rules);
    let key = |purpose, part: &str| visit.vault.counter_key(purpose, &[part]);
    [
        (key("sms: number", number.as_str()), rules.to_a_number),
        (key("sms: user", &command.user_id.to_string()), rules.of_a_user),
        (key("sms: network", visit.network.as_str()), rules.from_a_network),
        (key("sms: country", number.country()), rules.to_a_country),
        (key("sms", ""), rules.in_all),
    ]
}

pub struct VerifyPhone {
    pub user_id: UserId,
    /// None if it has not the form of a code.
    pub code: Option<Code>,
    pub guesses: Guesses,
    pub remote_addr: Option<String>,
}

/// The number that this code has already given the user, for a client that lost the answer.
fn known(db: &mut Db, ctx: &Ctx, command: &VerifyPhone, code: &Code) -> Result<Option<PhoneNumber>, StoreError> {
    let Some(number) = store::phones::find(db, command.user_id)? else { return Ok(None) };
    let hash = code.hash(&command.guesses.vault, Purpose::PhoneCode, command.user_id, number.as_str());
    let used = store::one_time_secrets::was_used(db, ctx, Purpose::PhoneCode, command.user_id, &hash)?;
    Ok(used.then_some(number))
}

/// Redeems the code: the user's number from now on, or none if the code is wrong, whose count has to be committed.
pub fn verify_phone(
    db: &mut Db,
    ctx: &Ctx,
    command: &VerifyPhone,
) -> Result<Outcome<Option<PhoneNumber>>, VerifyPhoneError> {
    let (user, Some(code)) = (command.user_id, &command.code) else { return Ok(Outcome::new(None)) };
    if let Some(number) = known(db, ctx, command, code)? {
        return Ok(Outcome::new(Some(number)));
    }
    let tried = one_time::try_code(db, ctx, &command.guesses, Purpose::PhoneCode, Some(user), code)?;
    let CodeTry::Right { subject } = tried else { return Ok(Outcome::new(None)) };
    let number = PhoneNumber::parse(&subject).map_err(|_| StoreError::Corrupt { what: "one_time_secrets.subject" })?;
    match store::phones::set(db, user, &number, ctx.now) {
        Err(StoreError::UniqueViolation) => return Err(VerifyPhoneError::Taken),
        set => set?,
    }
    let facts = SecurityFacts { remote_addr: command.remote_addr.clone(), ..user_facts(user, Some(number.masked())) };
    Ok(Outcome::new(Some(number)).event(&PhoneVerified(facts)))
}

impl IdentityService {
    pub async fn send_phone_code(
        &self,
        ctx: Ctx,
        user_id: UserId,
        number: PhoneNumber,
        origin: Origin,
    ) -> Result<(), SendPhoneCodeError> {
        let (visit, rules) = (self.visitor(&origin), self.0.text_messages);
        let command = SendPhoneCode { user_id, number, code: Code::generate(), visit, rules };
        self.0.store.write(&ctx, move |db, ctx| send_phone_code(db, ctx, &command)).await
    }

    /// Redeems a code; none if it is wrong, expired or used up.
    pub async fn verify_phone(
        &self,
        ctx: Ctx,
        user_id: UserId,
        code: Option<Code>,
        origin: Origin,
    ) -> Result<Option<PhoneNumber>, VerifyPhoneError> {
        let guesses = Guesses::new(self.shared_vault(), origin.address);
        let command = VerifyPhone { user_id, code, guesses, remote_addr: Some(origin.remote_addr) };
        self.0.store.write(&ctx, move |db, ctx| verify_phone(db, ctx, &command)).await
    }
}
