//! The true owner of an address shows itself for the first time.
//!
//! Anybody can register an address. Until it is proved, whatever hangs on the account may be a stranger's, who waits for the
//! owner to come: sessions, a password, a second factor, logins by other providers, a telephone number, devices, links under
//! way (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022). The first proof of the address ends all of it.

use crate::domain::one_time::Purpose;
use crate::domain::user::User;
use crate::store::{self, Ctx, Db, StoreError};

/// Ends everything that may be a stranger's, if the address was never proved before. To be called before the address is
/// marked as verified. The password stays: who proves an address sets another one in the same transaction, or clears it.
/// True if it was the first proof.
pub fn take_over(db: &mut Db, ctx: &Ctx, user: &User) -> Result<bool, StoreError> {
    if user.email_verified_on.is_some() {
        return Ok(false);
    }
    store::sessions::revoke_all(db, user.id, ctx.now)?;
    store::one_time_secrets::void(db, ctx, user.id, &Purpose::ALL)?;
    store::social::delete_all(db, user.id)?;
    store::second_factors::delete_all(db, user.id)?;
    store::phones::delete_all(db, user.id)?;
    store::devices::delete_all(db, user.id)?;
    Ok(true)
}
