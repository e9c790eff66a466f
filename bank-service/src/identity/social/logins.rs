//! Social logins: begun, completed, linked, unlinked.
//!
//! The provider was asked before any of this runs: an [`Identity`] in a command is confirmed. An address that a user here has is
//! never a proof that both are the same person; that user has to log in and link.

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

/// One of the secrets of a begun login: its purpose, its hash, and its bindings.
pub type Begun = (Purpose, SecretHash, SocialState);

/// Stores the bindings of a begun login.
pub fn begin_social_login(db: &mut Db, ctx: &Ctx, secrets: &[Begun]) -> Result<Outcome<()>, StoreError> {
    for (purpose, hash, state) in secrets {
        let (purpose, hash, subject) = (*purpose, hash.clone(), state.to_text());
        let user_id = state.owner.map(|(user, _)| user);
        let new = NewSecret { purpose, user_id, subject, hash, session_id: None, lifetime: purpose.lifetime() };
        // These purposes have neither a cooldown nor a limit.
        one_time::issue(db, ctx, &new)?.map_err(|_| StoreError::Busy)?;
    }
    Ok(Outcome::new(()))
}

/// Spends a state or a nonce: true once, for the client that began the login, in time. A request of any other client spends it
/// too.
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

/// Records a login that a provider, or its state, refused.
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

/// A confirmed identity, and the data of a new user.
pub struct ResolveIdentity {
    pub provider: Provider,
    pub identity: Identity,
    /// The roles of a new user.
    pub roles: Vec<String>,
    /// Sent to an address that the provider has not verified.
    pub link: NewLink,
    pub remote_addr: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveIdentityError {
    /// A user here has the address already.
    #[error("the address belongs to a user who has not linked this login")]
    LinkRequired,
    /// A new user needs an address.
    #[error("the provider gave no address")]
    NoAddress,
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(ResolveIdentityError);

/// Finds the user of this identity; if there is none, makes one without a password.
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
        // The address's user may have got this very identity since it was read.
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

/// Finds or makes the user of an identity and opens its login, in one transaction: a login that is unlinked meanwhile opens
/// nothing.
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

/// The user of an identity, if it was linked before.
fn known(db: &mut Db, ctx: &Ctx, identity: &Identity) -> Result<Option<UserId>, StoreError> {
    let Some(login) = store::social::find(db, identity)? else { return Ok(None) };
    store::social::touch(db, login.user_id, login.provider, ctx.now)?;
    Ok(Some(login.user_id))
}

/// An address that the provider has verified counts as proved; another one has to be proved here, as in any registration.
fn settle_address(db: &mut Db, ctx: &Ctx, command: &ResolveIdentity, user: User) -> Result<Outcome<User>, StoreError> {
    if command.identity.email_verified() {
        store::users::settle(db, user.id, ctx.now)?;
        return mark_verified(db, ctx, user, command.remote_addr.clone());
    }
    let mail = request_verification(db, ctx, &user, &command.link)?;
    Ok(Outcome::new(user).events(mail))
}

/// A parallel transaction inserted it since it was read: start over, and find its row.
fn start_over(error: StoreError) -> StoreError {
    match error {
        StoreError::UniqueViolation => StoreError::Serialization,
        error => error,
    }
}

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
    /// The user has a login of this provider; one is the limit.
    #[error("the user has a login of this provider")]
    HasOne,
    /// Linked already; the answer does not show to which user.
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

#[derive(Debug, Clone)]
pub struct Unlink {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub provider: Provider,
    /// The providers that are available for logins at present.
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
    // Of two logins removed at the same time, neither removal may count the other one as remaining.
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
