//! The fields of requests that create or change users.

use service_kit::http::fields::{Describe, Fields, Kind, Parse, parse};
use utoipa::openapi::KnownFormat;

use crate::domain::email::Email;
use crate::domain::locale::{countries, country, language};
use crate::domain::password::{MAX_CHARS, MIN_CHARS, Password};
use crate::domain::role::{MAX_PER_USER, distinct_names};
use crate::domain::user::Profile;
use crate::http::request_bodies::name;
use crate::http::roles::role_name;
use crate::identity::users::profile::UpdateProfile;

const MAX_USERNAME: usize = 50;
/// The fields of a user that only the server sets.
pub(in crate::http) const SET_BY_SERVER: &[&str] = &[
    "id",
    "email_verified",
    "email_verified_on",
    "mfa_enabled",
    "customer_id",
    "blocked_on",
    "last_login_date",
    "registered_on",
];

/// An address to be stored.
pub(in crate::http) fn email() -> Kind<impl Parse<Email>, impl Describe> {
    let about = "An e-mail address that mail can be sent to, at most 254 characters.";
    let text = parse::via(Email::mailable).length(0, 254).format(KnownFormat::Email);
    text.described(about).example("john.doe@example.com")
}

/// A password to be set.
pub(in crate::http) fn new_password() -> Kind<impl Parse<Password>, impl Describe> {
    let about = "8 to 128 characters, none a control character; not easy to guess.";
    let text = parse::via(Password::parse).length(MIN_CHARS, MAX_CHARS);
    text.described(about).example("correct horse battery staple")
}

/// A list of role names without duplicates.
pub(in crate::http) fn role_names() -> Kind<impl Parse<Vec<String>>, impl Describe> {
    parse::list(1, MAX_PER_USER, role_name()).map(distinct_names)
}

/// The profile of a new user: every field may be missing or null.
pub(super) fn new_profile(fields: &mut Fields) -> Option<Profile> {
    let change = profile_change(fields)?;
    Some(Profile {
        first_name: change.first_name.flatten(),
        last_name: change.last_name.flatten(),
        username: change.username.flatten(),
        language: change.language.flatten(),
        country: change.country.flatten(),
    })
}

/// A change of a profile: a missing field stays, a null one is cleared.
pub(super) fn profile_change(fields: &mut Fields) -> Option<UpdateProfile> {
    let first_name = fields.nullable("first_name", name().map(String::from));
    let last_name = fields.nullable("last_name", name().map(String::from));
    let about = "Letters and digits of any script, dots, hyphens, underscores.";
    let username = parse::via(username).length(1, MAX_USERNAME).described(about).example("john.doe");
    let username = fields.nullable("username", username);
    let tag = parse::via(language).length(0, 35).pattern("^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$");
    let language = fields.nullable("language", tag.described("A language tag (BCP 47).").example("en"));
    let country = fields.nullable("country", country_code());
    Some(UpdateProfile {
        first_name: first_name?,
        last_name: last_name?,
        username: username?,
        language: language?,
        country: country?,
    })
}

/// The document shows capitals; small letters are taken too.
fn country_code() -> Kind<impl Parse<String>, impl Describe> {
    let about = "A country: an officially assigned code of ISO 3166-1 alpha-2. XK (Kosovo), EU and UK are none.";
    parse::via(country).values(countries()).described(about).example("PT").named("CountryCode")
}

fn username(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let length = text.chars().count();
    let valid = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if (1..=MAX_USERNAME).contains(&length) && valid {
        Ok(text.to_owned())
    } else {
        Err("must be 1–50 letters, digits, dots, hyphens or underscores")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn role_lists_have_no_doubles_and_at_least_one_entry() {
        assert_eq!(
            role_names().read(&json!(["user", "admin", "user"])),
            Ok(vec!["user".to_owned(), "admin".to_owned()])
        );
        for bad in [json!([]), json!("admin"), json!([1]), json!(["Admin!"]), json!(["service"])] {
            assert!(role_names().read(&bad).is_err(), "{bad}");
        }
    }
}
