//! The first proof that a true owner has the address.
//!
//! A stranger can register any address. Until its account is settled, whatever hangs on it may be that stranger's, who waits for
//! the owner to come: sessions, a password, a second factor, logins by other providers, a telephone number, devices, pending links
//! (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022). A link alone does not settle it: its owner may have
//! pressed it for a stranger's account. The first reset by mail ends all of it, and settles the account; so does a link that is
//! redeemed in a session of the account, as then one person has both, and a change of address unsettles it again.

use crate::domain::one_time::Purpose;
use crate::domain::user::User;
use crate::store::login_devices::Kept;
use crate::store::{self, Ctx, Db, StoreError};

/// Ends everything that may be a stranger's, unless the account is settled, and settles it. The password stays: the caller sets
/// another one in the same transaction. True if the account was not settled.
pub fn purge_unverified(db: &mut Db, ctx: &Ctx, user: &User) -> Result<bool, StoreError> {
    if user.is_settled {
        return Ok(false);
    }
    store::users::outdate_proofs(db, user.id)?;
    store::sessions::revoke_all(db, user.id, ctx.now)?;
    store::login_devices::forget(db, user.id, &Kept::default())?;
    store::one_time_secrets::void(db, ctx, user.id, &Purpose::ALL)?;
    store::social::delete_all(db, user.id)?;
    store::second_factors::delete_all(db, user.id)?;
    store::phones::delete_all(db, user.id)?;
    store::devices::delete_all(db, user.id)?;
    store::users::settle(db, user.id, ctx.now)?;
    Ok(true)
}
