//! The mails that identity requests. They leave by the outbox; links and codes in them are sealed there.
//!
//! No text that a stranger can choose is written into a mail: a stranger can register any address, and the mail goes to its owner.

use std::collections::BTreeMap;

use shared_events::events::{EmailRequest, EmailRequested};

use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::user::User;
use crate::identity::email::caps::{Unasked, take_unasked};
use crate::store::{Ctx, Db, PendingEvent, StoreError};

fn request(template: &str, to: &Email, params: &[(&str, &str)]) -> EmailRequested {
    let params: BTreeMap<String, String> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    EmailRequested(EmailRequest { template: template.to_owned(), to: to.as_str().to_owned(), params })
}

/// Requests a confirmation from the reader of the mailbox.
pub fn verify_email(to: &Email, link: &str, purpose: Purpose) -> EmailRequested {
    request("verify-email", to, &[("link", link), ("valid_for", purpose.valid_for())])
}

/// Lets the reader of the mailbox set another password, by the link or by the code.
pub fn reset_password(to: &Email, link: &str, code: Option<&str>) -> EmailRequested {
    let link_only = [("link", link), ("valid_for", Purpose::PasswordResetLink.valid_for())];
    match code {
        None => request("reset-password", to, &link_only),
        Some(code) => {
            let valid_for = format!(
                "{} (the code: {})",
                Purpose::PasswordResetLink.valid_for(),
                Purpose::PasswordResetCode.valid_for()
            );
            request("reset-password", to, &[("link", link), ("code", code), ("valid_for", &valid_for)])
        }
    }
}

/// Lets an imported user choose a password.
pub fn invitation(to: &Email, link: &str) -> EmailRequested {
    request("invitation", to, &[("link", link), ("valid_for", Purpose::Invitation.valid_for())])
}

/// Reports a change of the account to its user. An unproved address gets as many as [`super::caps`] allows, an address that
/// takes no mail gets none; the security event is on record all the same.
pub(in crate::identity) fn notice(
    db: &mut Db,
    ctx: &Ctx,
    user: &User,
    subject: &str,
    text: &str,
) -> Result<Option<PendingEvent>, StoreError> {
    let to = &user.email;
    if !to.is_mailable() || (user.email_verified_on.is_none() && !take_unasked(db, ctx, to, Unasked::Notice)?) {
        return Ok(None);
    }
    let text = format!("{text}\n\nIf this was not you, reset your password at once and contact your bank.");
    Ok(Some(PendingEvent::new(&request("notice", to, &[("subject", subject), ("text", &text)]))))
}
