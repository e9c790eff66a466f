//! Revoking everything that was proved or begun under a user's credentials so far.
//!
//! Each user has a credential version. A proof of identity carries the version that it was made under, and
//! [`crate::identity::login::challenge`] compares it while it locks the user's row: a login that proved the old password before
//! a change, and would commit after it, opens no session. Existing sessions and secrets are ended here, in the same transaction.

use shared_events::UserId;

use crate::domain::network::ClientNetwork;
use crate::domain::one_time::Purpose;
use crate::domain::session::{SessionId, TokenHash};
use crate::store::login_devices::Kept;
use crate::store::{self, Ctx, Db, StoreError};

/// Why the credentials no longer count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// They were changed in this session, which stays open.
    ChangedIn(SessionId),
    /// They were reset; the device token that came with the reset stays valid.
    Reset { device: Option<TokenHash> },
    /// The owner has logged out everywhere, or an administrator has removed the second factor.
    Ended,
    /// The user was blocked: nothing that was sent to it counts any more.
    Blocked,
}

/// Ends the sessions of a user, voids everything pending, forgets its known devices and networks, and outdates its proofs; gives
/// how many sessions ended. The user's row is written first, so that pending logins wait for it or are seen by it.
pub(in crate::identity) fn revoke_credentials(
    db: &mut Db,
    ctx: &Ctx,
    user: UserId,
    cause: Cause,
) -> Result<usize, StoreError> {
    store::users::outdate_proofs(db, user)?;
    let void: &[Purpose] = if cause == Cause::Blocked { &Purpose::ALL } else { &Purpose::OF_THE_CREDENTIALS };
    store::one_time_secrets::void(db, ctx, user, void)?;
    store::second_factors::void_pending(db, ctx, user)?;
    let kept = match cause {
        Cause::ChangedIn(session) => {
            Kept { session: Some(session), network: network_of(db, session)?, ..Kept::default() }
        }
        Cause::Reset { device } => Kept { device, ..Kept::default() },
        Cause::Ended | Cause::Blocked => Kept::default(),
    };
    store::login_devices::forget(db, user, &kept)?;
    match kept.session {
        Some(session) => store::sessions::revoke_others(db, user, session, ctx.now),
        None => store::sessions::revoke_all(db, user, ctx.now),
    }
}

/// The network that a session was opened from.
fn network_of(db: &mut Db, session: SessionId) -> Result<Option<ClientNetwork>, StoreError> {
    let address = store::sessions::find(db, session)?.and_then(|session| session.remote_addr);
    Ok(address.and_then(|address| address.parse().ok()).map(ClientNetwork::of))
}
