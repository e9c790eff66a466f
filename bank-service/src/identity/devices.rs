//! Devices for push notifications: registered, removed, notified.
//!
//! A push token names one app on one device, whichever user is logged in there. The last registration takes it: the same
//! transaction removes it from its former device, so that one user's notices never reach another user.

use std::collections::BTreeMap;

use shared_events::events::{DeviceRegistered, DeviceRemoved, PushRequest, PushRequested, SecurityFacts};
use shared_events::{DeviceId, UserId};

use crate::domain::device::{Device, DeviceType, MAX_PER_USER, PushToken};
use crate::domain::policy::OutOfScope;
use crate::domain::scope::Scope;
use crate::domain::version::Expected;
use crate::operations::errors::{Stale, found, written};
use crate::sealing::{Place, Vault};
use crate::store::devices::{self, SealedToken};
use crate::store::{Ctx, Db, IdempotencyError, Outcome, StoreError};

const WHAT: &str = "device";
const HASH_PURPOSE: &str = "push token";

/// It has no `Debug`: it holds a push token.
#[derive(Clone)]
pub struct RegisterDevice {
    pub user_id: UserId,
    pub device_id: String,
    pub device_type: DeviceType,
    pub push_token: PushToken,
    pub remote_addr: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("the user has {MAX_PER_USER} devices already")]
    TooMany,
    #[error("the device has no push token any more")]
    NoToken,
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error("the push token cannot be sealed")]
    Vault(#[from] crate::sealing::VaultError),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(DeviceError);

/// The row that a device's push token is sealed for.
pub fn place(row: &str) -> Place<'_> {
    Place { table: "devices", column: "sealed_push_token", row }
}

/// Registers a device; one that its user has registered before gets the new token.
pub fn register_device(
    db: &mut Db,
    ctx: &Ctx,
    vault: &Vault,
    command: &RegisterDevice,
) -> Result<Outcome<Device>, DeviceError> {
    devices::lock_owner(db, command.user_id)?;
    let own = devices::list(db, command.user_id)?;
    let known = own.iter().find(|device| device.device_id == command.device_id);
    if known.is_none() && own.len() >= MAX_PER_USER {
        return Err(DeviceError::TooMany);
    }
    let device = Device {
        id: known.map_or_else(|| ctx.next_id(), |device| Ok(device.id))?,
        user_id: command.user_id,
        device_id: command.device_id.clone(),
        device_type: command.device_type,
        has_push_token: true,
        registered_on: known.map_or(ctx.now, |device| device.registered_on),
    };
    let token = seal(vault, device.id, &command.push_token)?;
    devices::take_push_token(db, &token.hash)?;
    let kept = match known {
        Some(_) => devices::update(db, &device, &token).and_then(written),
        None => devices::insert(db, ctx, &device, &token),
    };
    match kept {
        // A parallel registration of the same token committed first: start over, and take it.
        Err(StoreError::UniqueViolation) => return Err(StoreError::Serialization.into()),
        kept => kept?,
    }
    let event = DeviceRegistered(facts(&device, Some(command.remote_addr.clone())));
    Ok(Outcome::new(device).event(&event))
}

fn seal(vault: &Vault, id: DeviceId, token: &PushToken) -> Result<SealedToken, DeviceError> {
    let bytes = token.expose().as_bytes();
    let sealed = vault.seal(place(&id.to_string()), bytes)?;
    Ok(SealedToken { sealed, hash: token_hash(vault, bytes) })
}

/// The keyed hash that finds a push token which another device already has.
pub fn token_hash(vault: &Vault, token: &[u8]) -> String {
    hex::encode(vault.hmac(HASH_PURPOSE, token))
}

pub fn remove_device(
    db: &mut Db,
    scope: Scope,
    id: DeviceId,
    expected: &Expected,
    remote_addr: &str,
) -> Result<Outcome<Device>, DeviceError> {
    let device = found(devices::find(db, scope, id)?, scope, WHAT)?;
    if !expected.accepts_unversioned() {
        return Err(Stale.into());
    }
    written(devices::delete(db, id)?)?;
    let event = DeviceRemoved(facts(&device, Some(remote_addr.to_owned())));
    Ok(Outcome::new(device).event(&event))
}

/// The text of a notification that a user tries out.
#[derive(Debug, Clone)]
pub struct TestText {
    pub title: String,
    pub body: String,
}

impl Default for TestText {
    fn default() -> Self {
        Self { title: "Test".to_owned(), body: "Notifications reach this device.".to_owned() }
    }
}

/// Requests a notification to one device, so that its user sees whether push works.
pub fn test_device(db: &mut Db, scope: Scope, id: DeviceId, text: &TestText) -> Result<Outcome<Device>, DeviceError> {
    let device = found(devices::find(db, scope, id)?, scope, WHAT)?;
    if !device.has_push_token {
        return Err(DeviceError::NoToken);
    }
    let event = push(&device, "test", &text.title, &text.body);
    Ok(Outcome::new(device).event(&event))
}

/// The notices of a new login, one for each of the user's reachable devices.
pub fn login_notices(db: &mut Db, user: UserId) -> Result<Vec<PushRequested>, StoreError> {
    let reached = devices::list(db, user)?.into_iter().filter(|device| device.has_push_token);
    Ok(reached.map(|device| push(&device, "login", "New login", "Somebody logged in to your account.")).collect())
}

/// Removes a device whose token the push service no longer knows, unless it has got another token meanwhile.
pub fn forget_device(db: &mut Db, user: UserId, id: i64, token_hash: &str) -> Result<Outcome<bool>, StoreError> {
    if !devices::delete_with_token(db, id, token_hash)? {
        return Ok(Outcome::new(false));
    }
    let detail = format!("device {id}: the push service does not know it any more");
    let facts = SecurityFacts { user_id: Some(user), session_id: None, remote_addr: None, detail: Some(detail) };
    Ok(Outcome::new(true).event(&DeviceRemoved(facts)))
}

fn push(device: &Device, kind: &str, title: &str, body: &str) -> PushRequested {
    PushRequested(PushRequest {
        user_id: device.user_id,
        device: device.id.get(),
        title: title.to_owned(),
        body: body.to_owned(),
        data: BTreeMap::from([("kind".to_owned(), kind.to_owned())]),
    })
}

fn facts(device: &Device, remote_addr: Option<String>) -> SecurityFacts {
    let detail = format!("device {} ({})", device.id, device.device_type.as_str());
    SecurityFacts { user_id: Some(device.user_id), session_id: None, remote_addr, detail: Some(detail) }
}
