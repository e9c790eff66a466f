//! The credentials in a request. The document shows the valid forms; a text of another form is read too, up to a length, and
//! refused like any wrong credential, without a validation fault.

use service_kit::http::fields::{Describe, Kind, Parse, parse};

use crate::domain::email::Email;
use crate::domain::mfa::RecoveryCode;
use crate::domain::password::{MAX_CHARS, Password};

/// The longest text that is read, in characters.
pub(super) const MAX_TEXT: usize = 4096;

/// The address of a user; none if no user can have it.
pub(super) fn known_email() -> Kind<impl Parse<Option<Email>>, impl Describe> {
    let about = "The user's e-mail address, in any case of letters.";
    let text = parse::string(1, MAX_TEXT).length(1, 254).described(about).example("john.doe@example.com");
    text.map(|text| Email::parse(&text).ok())
}

/// The password of a user; none if no user can have it.
pub(super) fn known_password() -> Kind<impl Parse<Option<Password>>, impl Describe> {
    let text = parse::string(1, MAX_TEXT).length(1, MAX_CHARS).described("The user's password.");
    let text = text.example("correct horse battery staple");
    text.map(|text| Password::for_login(&text))
}

/// A token, or the secret of a link.
pub(super) fn token() -> Kind<impl Parse<String>, impl Describe> {
    let text = parse::string(1, MAX_TEXT).length(1, 255).pattern("^[A-Za-z0-9_-]+$");
    text.described("The last part of the link in the mail.")
}

pub(super) fn recovery_code() -> Kind<impl Parse<RecoveryCode>, impl Describe> {
    let about = "An unused recovery code: 32 hexadecimal digits; blanks, hyphens and line breaks are passed over.";
    let text = parse::via(RecoveryCode::parse).pattern("^[0-9A-Fa-f]{32}$").described(about);
    text.example("0123456789abcdef0123456789abcdef")
}
