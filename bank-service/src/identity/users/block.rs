//! Blocking a user from the command line.

use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::user::User;
use crate::identity::users::change::{ChangeUserError, UpdateUser, update_user};
use crate::store::{self, Ctx, Db, Outcome};

/// The user that an operator names.
#[derive(Debug, Clone)]
pub enum Whom {
    Id(UserId),
    Address(Email),
}

/// Blocks a user, which ends its sessions, or lifts the block.
pub fn block_user(db: &mut Db, ctx: &Ctx, whom: &Whom, blocked: bool) -> Result<Outcome<User>, ChangeUserError> {
    let id = match whom {
        Whom::Id(id) => *id,
        Whom::Address(email) => store::users::find_by_email(db, email)?.ok_or(ChangeUserError::NotFound)?.id,
    };
    update_user(db, ctx, id, &UpdateUser { is_blocked: Some(blocked), ..UpdateUser::default() })
}
