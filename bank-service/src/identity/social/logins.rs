//! Logins by other providers: begun, come back, linked, unlinked.
//!
//! The provider has been asked before any of this runs: an [`Identity`] in a command is confirmed. An address that somebody
//! here has is never taken as proof that both are the same person; whoever has it has to log in and link.

use shared_events::UserId;
use shared_events::events::{LoginFailed, SecurityFacts, SocialLinked, SocialUnlinked, UserCreated, UserRegistered};

use crate::domain::one_time::{Purpose, SecretHash};
use crate::domain::session::{FirstFactor, SessionId};
use crate::domain::social::{Identity, Provider, SocialLogin};
use crate::domain::social_state::{Presenter, SocialState};
use crate::domain::user::User;
use crate::identity::email::mails;
use crate::identity::email::proof::mark_verified;
use crate::identity::email::verification::request_verification;
use crate::identity::facts::{session_facts, user_facts};
use crate::identity::login::challenge::{OpenLogin, OpenedLogin, Opening, open_login};
use crate::identity::login::session::OpenSessionError;
use crate::identity::one_time::{self, NewLink};
use crate::identity::sessions::session_lives;
use crate::identity::users::roles::role_ids;
use crate::store::one_time_secrets::NewSecret;
use crate::store::users::NewUser;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// One of the secrets that a login at a provider is begun with: its purpose, its hash, and what it is bound to.
pub type Begun = (Purpose, SecretHash, SocialState);

/// Keeps what a login that is begun is bound to.
pub fn begin_social_login(db: &mut Db, ctx: &Ctx, secrets: &[Begun]) -> Result<Outcome<()>, StoreError> {
    for (purpose, hash, state) in secrets {
        let (purpose, hash, subject) = (*purpose, hash.clone(), state.to_text());
        let user_id = state.owner.map(|(user, _)| user);
        let new = NewSecret { purpose, user_id, subject, hash, session_id: None, lifetime: purpose.lifetime() };
        // There is neither a cooldown nor an end to them.
        one_time::issue(db, ctx, &new)?.map_err(|_| StoreError::Busy)?;
    }
    Ok(Outcome::new(()))
}

/// Spends a state or a nonce: true once, for who began the login, in time. Anybody else who brings it has spent it too.
pub fn spend_state(
    db: &mut Db,
    ctx: &Ctx,
    purpose: Purpose,
    hash: &SecretHash,
    provider: Provider,
    presenter: &Presenter,
) -> Result<Outcome<bool>, StoreError> {
    let Some(spent) = one_time::redeem_link(db, ctx, purpose, hash)? else {
        return Ok(Outcome::new(false));
    };
    let begun = SocialState::parse(&spent.subject);
    Ok(Outcome::new(begun.is_some_and(|begun| begun.belongs_to(provider, presenter))))
}

/// Puts a login on record that a provider, or its state, refused.
pub fn refuse_social_login(
    _: &mut Db,
    _: &Ctx,
    provider: Provider,
    user_id: Option<UserId>,
    remote_addr: Option<String>,
) -> Result<Outcome<()>, StoreError> {
    let detail = Some(format!("refused by {provider}"));
    Ok(Outcome::new(()).event(&LoginFailed(SecurityFacts { user_id, session_id: None, remote_addr, detail })))
}

/// Somebody comes with a confirmed identity.
pub struct ResolveIdentity {
    pub provider: Provider,
    pub identity: Identity,
    /// What a new user may do.
    pub roles: Vec<String>,
    /// Sent to an address that the provider has not verified.
    pub link: NewLink,
    pub remote_addr: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveIdentityError {
    /// Somebody has the address already.
    #[error("the address belongs to a user who has not linked this login")]
    LinkRequired,
    /// A new user needs one.
    #[error("the provider gave no address")]
    NoAddress,
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(ResolveIdentityError);

/// Finds who has this identity; if nobody has, makes a user of it, without a password.
pub fn resolve_identity(
    db: &mut Db,
    ctx: &Ctx,
    command: &ResolveIdentity,
) -> Result<Outcome<UserId>, ResolveIdentityError> {
    if let Some(user) = known(db, ctx, &command.identity)? {
        return Ok(Outcome::new(user));
    }
    let email = command.identity.email().ok_or(ResolveIdentityError::NoAddress)?;
    if store::users::id_of(db, email)?.is_some() {
        // Whoever has it may have come by this very identity since we looked.
        let user = known(db, ctx, &command.identity)?.ok_or(ResolveIdentityError::LinkRequired)?;
        return Ok(Outcome::new(user));
    }
    let roles = role_ids(db, &command.roles)?.map_err(ResolveIdentityError::UnknownRole)?;
    let id: UserId = ctx.next_id()?;
    let profile = command.identity.profile();
    let new = NewUser { id, email, password_hash: None, profile: &profile, registered_on: ctx.now };
    store::users::insert(db, &new).map_err(start_over)?;
    store::user_roles::replace(db, id, &roles)?;
    store::social::insert(db, id, command.provider, &command.identity, ctx.now).map_err(start_over)?;
    store::social::touch(db, id, command.provider, ctx.now)?;
    let user = store::users::find(db, id)?.ok_or(StoreError::Corrupt { what: "a user just inserted" })?;
    let (created, remote_addr) = (UserCreated(UserRegistered::from(&user)), command.remote_addr.clone());
    let detail = Some(format!("{} (registered by it)", command.provider));
    let linked = SocialLinked(SecurityFacts { remote_addr, ..user_facts(id, detail) });
    let Outcome { events, .. } = settle_address(db, ctx, command, user)?;
    Ok(Outcome::new(id).event(&created).event(&linked).events(events))
}

/// A login by a confirmed identity.
pub struct LogIn {
    pub resolve: ResolveIdentity,
    pub opening: Opening,
}

#[derive(Debug, thiserror::Error)]
pub enum SocialLogInError {
    #[error(transparent)]
    Arrive(#[from] ResolveIdentityError),
    #[error(transparent)]
    Session(#[from] OpenSessionError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl store::OperationError for SocialLogInError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Arrive(error) => error.store_error(),
            Self::Session(error) => error.store_error(),
            Self::Store(error) => Some(error),
        }
    }
}

/// Finds or makes the user of an identity and admits it, in one transaction: a login that is unlinked meanwhile opens nothing.
pub fn log_in(db: &mut Db, ctx: &Ctx, command: &LogIn) -> Result<Outcome<OpenedLogin>, SocialLogInError> {
    let Outcome { value: user_id, events } = resolve_identity(db, ctx, &command.resolve)?;
    let held = store::users::hold(db, user_id)?.ok_or(OpenSessionError::Gone)?;
    let linked = store::social::find(db, &command.resolve.identity)?;
    if linked.is_none_or(|login| login.user_id != user_id) {
        return Err(OpenSessionError::Outdated.into());
    }
    let proof = OpenLogin {
        user_id,
        first: FirstFactor::Provider,
        credential_version: held.credentials,
        opening: command.opening.clone(),
        rehash: None,
    };
    let opened = open_login(db, ctx, &proof)?.by(user_id);
    Ok(Outcome::new(opened.value).events(events).events(opened.events))
}

/// Whose identity it is, as far as anybody has come by it before.
fn known(db: &mut Db, ctx: &Ctx, identity: &Identity) -> Result<Option<UserId>, StoreError> {
    let Some(login) = store::social::find(db, identity)? else { return Ok(None) };
    store::social::touch(db, login.user_id, login.provider, ctx.now)?;
    Ok(Some(login.user_id))
}

/// An address that the provider has verified is the user's; another one has to be proved here, like that of any registration.
fn settle_address(db: &mut Db, ctx: &Ctx, command: &ResolveIdentity, user: User) -> Result<Outcome<User>, StoreError> {
    if command.identity.email_verified() {
        store::users::settle(db, user.id, ctx.now)?;
        return mark_verified(db, ctx, user, command.remote_addr.clone());
    }
    let mail = request_verification(db, ctx, &user, &command.link)?;
    Ok(Outcome::new(user).events(mail))
}

/// Somebody was quicker since we looked: look again, and find what they made.
fn start_over(error: StoreError) -> StoreError {
    match error {
        StoreError::UniqueViolation => StoreError::Serialization,
        error => error,
    }
}

/// A user adds a login.
#[derive(Debug, Clone)]
pub struct Link {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub provider: Provider,
    pub identity: Identity,
    pub remote_addr: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// One login of each provider.
    #[error("the user has a login of this provider")]
    HasOne,
    /// Whose it is is not told.
    #[error("the identity is linked already")]
    Taken,
    #[error("the session has ended meanwhile")]
    Gone,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(LinkError);

pub fn link(db: &mut Db, ctx: &Ctx, command: &Link) -> Result<Outcome<SocialLogin>, LinkError> {
    let (id, provider) = (command.user_id, command.provider);
    if !store::social::lock_owner(db, id)? || !session_lives(db, ctx, command.session_id)? {
        return Err(LinkError::Gone);
    }
    let logins = store::social::list(db, id)?;
    if logins.iter().any(|login| login.provider == provider) {
        return Err(LinkError::HasOne);
    }
    if store::social::find(db, &command.identity)?.is_some() {
        return Err(LinkError::Taken);
    }
    store::social::insert(db, id, provider, &command.identity, ctx.now).map_err(start_over)?;
    let linked = store::social::find(db, &command.identity)?;
    let linked = linked.ok_or(StoreError::Corrupt { what: "a login just linked" })?;
    let user = store::users::find(db, id)?.ok_or(LinkError::Gone)?;
    let facts = session_facts(id, command.session_id, command.remote_addr.clone());
    let facts = SecurityFacts { detail: Some(provider.to_string()), ..facts };
    let title = provider.title();
    let text = format!("From now on you can log in to your account with {title}.");
    let mail = mails::notice(db, ctx, &user, &format!("Login with {title} added"), &text)?;
    Ok(Outcome::new(linked).event(&SocialLinked(facts)).events(mail))
}

/// A user takes a login away.
#[derive(Debug, Clone)]
pub struct Unlink {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub provider: Provider,
    /// The providers that one can log in by at the moment.
    pub available: Vec<Provider>,
    pub remote_addr: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    #[error("the user has no such login")]
    NotFound,
    #[error("the user could not log in any more")]
    LastMethod,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(UnlinkError);

pub fn unlink(db: &mut Db, ctx: &Ctx, command: &Unlink) -> Result<Outcome<SocialLogin>, UnlinkError> {
    let (id, provider) = (command.user_id, command.provider);
    // Two logins taken away at the same time must not both see that the other one stays.
    if !store::social::lock_owner(db, id)? {
        return Err(UnlinkError::NotFound);
    }
    let (gone, rest): (Vec<_>, Vec<_>) =
        store::social::list(db, id)?.into_iter().partition(|login| login.provider == provider);
    let gone = gone.into_iter().next().ok_or(UnlinkError::NotFound)?;
    let another = rest.iter().any(|login| command.available.contains(&login.provider));
    if !another && !store::social::has_password(db, id)? {
        return Err(UnlinkError::LastMethod);
    }
    if !store::social::delete(db, id, provider)? {
        return Err(UnlinkError::NotFound);
    }
    // A login by it that waits for its second factor would still open a session.
    store::users::outdate_proofs(db, id)?;
    one_time::void(db, ctx, id, &[Purpose::MfaChallenge])?;
    let user = store::users::find(db, id)?.ok_or(UnlinkError::NotFound)?;
    let facts = session_facts(id, command.session_id, command.remote_addr.clone());
    let facts = SecurityFacts { detail: Some(provider.to_string()), ..facts };
    let title = provider.title();
    let text = format!("You can no longer log in to your account with {title}.");
    let mail = mails::notice(db, ctx, &user, &format!("Login with {title} removed"), &text)?;
    Ok(Outcome::new(gone).event(&SocialUnlinked(facts)).events(mail))
}
