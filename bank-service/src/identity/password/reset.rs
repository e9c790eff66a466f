//! A forgotten password: any client may request a reset, the reader of the mailbox sets the new password.
//!
//! A request leaves the same kind of trace for every address, and a reset opens no session: the login that follows requires the
//! second factor.

use std::sync::Arc;
use std::time::Instant;

use shared_events::UserId;
use shared_events::events::{LoginFailed, PasswordReset, PasswordResetRequested, SecurityFacts, SessionsEnded};

use crate::domain::email::Email;
use crate::domain::one_time::{Purpose, SecretHash};
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::identity::IdentityService;
use crate::identity::email::links::FORGOT_FLOOR;
use crate::identity::email::proof::{mark_verified, matches_address, owner};
use crate::identity::email::verification::address_of;
use crate::identity::email::{caps, mails};
use crate::identity::facts::user_facts;
use crate::identity::login::throttle::remember_network;
use crate::identity::one_time::secret::{Code, LinkSecret};
use crate::identity::one_time::{self, CodeTry, Guesses, NewLink};
use crate::identity::origin::{Origin, Visit};
use crate::identity::password::hashing::NewPasswordError;
use crate::identity::users::credentials::{Cause, revoke_credentials};
use crate::identity::users::purge_unverified::purge_unverified;
use crate::operations::errors::written;
use crate::sealing::Vault;
use crate::store::one_time_secrets::NewSecret;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

pub struct ForgotPassword {
    /// None if no user can have the address.
    pub email: Option<Email>,
    pub link: NewLink,
    pub code: Code,
    pub vault: Arc<Vault>,
    pub visit: Visit,
    pub remote_addr: Option<String>,
}

/// Sends a link and a code, if the address has a user and the last ones are old enough.
pub fn forgot_password(db: &mut Db, ctx: &Ctx, command: &ForgotPassword) -> Result<Outcome<()>, StoreError> {
    let user = match &command.email {
        Some(email) => store::users::find_by_email(db, email)?,
        None => None,
    };
    let detail = if user.is_none() { Some("unknown address".to_owned()) } else { None };
    let facts = SecurityFacts {
        user_id: user.as_ref().map(|user| user.id),
        session_id: None,
        remote_addr: command.remote_addr.clone(),
        detail,
    };
    let outcome = Outcome::new(()).event(&PasswordResetRequested(facts));
    let Some(user) = user.filter(|user| !user.is_blocked) else { return Ok(outcome) };
    // To the address as registered: a similar spelling may be another mailbox.
    let link = command.link.secret(user.id, user.email.as_str());
    // Checked before the link is stored: an unsent link must not replace one that was sent.
    let owner = user.email_verified_on.map(|_| user.id);
    if !caps::is_left(db, ctx, owner, &user.email, &command.visit)? {
        return Ok(outcome);
    }
    if one_time::issue(db, ctx, &link)?.is_err() {
        return Ok(outcome);
    }
    caps::take(db, ctx, owner, &user.email, &command.visit)?.ok();
    let code = issue_code(db, ctx, command, &user)?;
    Ok(outcome.event(&mails::reset_password(&user.email, &command.link.url, code)))
}

/// None if the user has got as many codes as may be guessed at in a day; the link still works.
fn issue_code<'a>(
    db: &mut Db,
    ctx: &Ctx,
    command: &'a ForgotPassword,
    user: &User,
) -> Result<Option<&'a str>, StoreError> {
    let (purpose, subject) = (Purpose::PasswordResetCode, user.email.as_str().to_owned());
    let hash = command.code.hash(&command.vault, purpose, user.id, &subject);
    let issued = one_time::issue(
        db,
        ctx,
        &NewSecret { purpose, user_id: Some(user.id), subject, hash, session_id: None, lifetime: purpose.lifetime() },
    )?;
    Ok(issued.is_ok().then(|| command.code.expose()))
}

/// The proof that the client reads the address's mail.
pub enum ResetProof {
    /// A reset link or an invitation, of one token.
    Link { reset: SecretHash, invitation: SecretHash },
    /// None if no user can have the address or the code.
    Code { email: Option<Email>, code: Option<Code>, guesses: Guesses },
}

/// It has no `Debug`: it holds a password hash.
pub struct ResetPassword {
    pub proof: ResetProof,
    pub password_hash: String,
    pub visit: Visit,
    pub remote_addr: Option<String>,
}

/// The outcome of a reset. A refusal is a value and not an error: its records have to be committed.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    Done(UserId),
    Refused,
}

/// Sets another password, ends all sessions and everything pending. The first reset also ends whatever else a stranger may have
/// added to the account, see [`purge_unverified`]. The network of the client, which has the link or the code and knows the new
/// password, is known afterwards, so that it can log in even if strangers' failures have closed the account to unknown networks.
pub fn reset_password(db: &mut Db, ctx: &Ctx, command: &ResetPassword) -> Result<Outcome<Reset>, StoreError> {
    let found = verify_proof(db, ctx, &command.proof)?;
    let remote_addr = command.remote_addr.clone();
    let Some(user) = found.filter(|user| !user.is_blocked) else {
        let detail = Some("wrong or expired link or code".to_owned());
        let facts = SecurityFacts { user_id: None, session_id: None, remote_addr, detail };
        return Ok(Outcome::new(Reset::Refused).event(&LoginFailed(facts)));
    };
    let id = user.id;
    written(store::users::reset_password_hash(db, id, &command.password_hash)?)?;
    let ended = revoke_credentials(db, ctx, id, Cause::Reset { device: command.visit.known_device.clone() })?;
    purge_unverified(db, ctx, &user)?;
    remember_network(db, ctx, &user, &command.visit)?;
    let outcome = mark_verified(db, ctx, user, remote_addr.clone())?;
    let facts = |detail| SecurityFacts { remote_addr: remote_addr.clone(), ..user_facts(id, detail) };
    let text = "The password of your account was set anew by a link or a code that we sent to this address. Everybody who was logged in has been logged out.";
    let mail = mails::notice(db, ctx, &outcome.value, "Your password was reset", text)?;
    Ok(outcome
        .map(|_| Reset::Done(id))
        .event(&PasswordReset(facts(None)))
        .event(&SessionsEnded(facts(Some(format!("{ended} ended")))))
        .events(mail)
        .by(id))
}

fn verify_proof(db: &mut Db, ctx: &Ctx, proof: &ResetProof) -> Result<Option<User>, StoreError> {
    match proof {
        ResetProof::Link { reset, invitation } => {
            let live = match one_time::redeem_link(db, ctx, Purpose::PasswordResetLink, reset)? {
                Some(live) => Some(live),
                None => one_time::redeem_link(db, ctx, Purpose::Invitation, invitation)?,
            };
            let Some(live) = live else { return Ok(None) };
            Ok(owner(db, &live)?.filter(|user| matches_address(&live, user)))
        }
        ResetProof::Code { email: Some(email), code: Some(code), guesses } => {
            // The user of the address is read only once the code was right.
            let id = store::users::id_of(db, email)?;
            let tried = one_time::try_code(db, ctx, guesses, Purpose::PasswordResetCode, id, code)?;
            let (CodeTry::Right { subject }, Some(id)) = (tried, id) else { return Ok(None) };
            Ok(store::users::find(db, id)?.filter(|user| user.email.as_str() == subject))
        }
        ResetProof::Code { .. } => Ok(None),
    }
}

/// The claim of a client that sets another password.
pub enum ResetClaim {
    /// None if it has not the form of our tokens.
    Link(Option<LinkSecret>),
    /// None if no user can have the address or the code.
    Code(Option<Email>, Option<Code>),
}

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("the link is not valid, was used, or has expired")]
    Link,
    #[error("the address and the code do not belong together")]
    Code,
    #[error(transparent)]
    New(#[from] NewPasswordError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl IdentityService {
    /// The address of the user whose password a live link sets; password managers store the password under it.
    pub async fn address_of_reset(&self, ctx: Ctx, token: &LinkSecret) -> Result<Option<String>, StoreError> {
        let links = [Purpose::PasswordResetLink, Purpose::Invitation].map(|purpose| (purpose, token.hash(purpose)));
        self.0.store.read(move |db| address_of(db, &ctx, &links)).await
    }

    /// Sends a link and a code to an address, if it is a user's.
    pub async fn forgot_password(&self, ctx: Ctx, email: Option<Email>, origin: Origin) -> Result<(), StoreError> {
        let began = Instant::now();
        let command = ForgotPassword {
            email,
            link: self.new_link(Purpose::PasswordResetLink),
            code: Code::for_mail(),
            vault: self.shared_vault(),
            visit: self.visitor(&origin),
            remote_addr: Some(origin.remote_addr),
        };
        let done = self.0.store.write(&ctx, move |db, ctx| forgot_password(db, ctx, &command)).await;
        tokio::time::sleep(FORGOT_FLOOR.saturating_sub(began.elapsed())).await;
        done
    }

    /// Sets another password, on proof of the mailbox. The hash is made first, whatever the claim is worth, so that the time of a
    /// refusal shows nothing.
    pub async fn reset_password(
        &self,
        ctx: Ctx,
        claim: ResetClaim,
        password: Password,
        origin: Origin,
    ) -> Result<(), ResetError> {
        let (proof, refusal, words) = match claim {
            ResetClaim::Link(token) => {
                let token = token.ok_or(ResetError::Link)?;
                let (reset, invitation) = (token.hash(Purpose::PasswordResetLink), token.hash(Purpose::Invitation));
                (ResetProof::Link { reset, invitation }, ResetError::Link, Vec::new())
            }
            ResetClaim::Code(email, code) => {
                let words = email.as_ref().map(Email::words).unwrap_or_default();
                let guesses = Guesses::new(self.shared_vault(), origin.address);
                (ResetProof::Code { email, code, guesses }, ResetError::Code, words)
            }
        };
        let password_hash = self.0.passwords.hash(password, words).await?;
        let visit = self.visitor(&origin);
        let command = ResetPassword { proof, password_hash, visit, remote_addr: Some(origin.remote_addr) };
        match self.0.store.write(&ctx, move |db, ctx| reset_password(db, ctx, &command)).await? {
            Reset::Done(user) => {
                self.user_changed(user);
                Ok(())
            }
            Reset::Refused => Err(refusal),
        }
    }
}
