//! The fields of requests that create or change users.

use serde_json::Value;
use service_kit::http::fields::{Fields, parse};

use crate::domain::locale::{country, language};
use crate::domain::name::Name;
use crate::domain::password::Password;
use crate::domain::role::{MAX_PER_USER, RoleName};
use crate::domain::user::Profile;
use crate::identity::users::profile::UpdateProfile;

const MAX_USERNAME: usize = 50;

/// Parses a password to be set.
pub(in crate::http) fn password(value: &Value) -> Result<Password, String> {
    parse::via(Password::parse)(value)
}

/// A list of role names without duplicates.
pub(in crate::http) fn role_names(value: &Value) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for text in parse::string_list(MAX_PER_USER)(value)? {
        let name = RoleName::parse(&text).map_err(|error| format!("each entry {error}"))?;
        if !names.iter().any(|known| known == name.as_str()) {
            names.push(name.as_str().to_owned());
        }
    }
    if names.is_empty() { Err("must have at least one entry".to_owned()) } else { Ok(names) }
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
    let first_name = fields.nullable("first_name", person_name);
    let last_name = fields.nullable("last_name", person_name);
    let username = fields.nullable("username", parse::via(username));
    let language = fields.nullable("language", parse::via(language));
    let country = fields.nullable("country", parse::via(country));
    Some(UpdateProfile {
        first_name: first_name?,
        last_name: last_name?,
        username: username?,
        language: language?,
        country: country?,
    })
}

fn person_name(value: &Value) -> Result<String, String> {
    parse::via(Name::parse)(value).map(String::from)
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
        assert_eq!(role_names(&json!(["user", "admin", "user"])), Ok(vec!["user".to_owned(), "admin".to_owned()]));
        for bad in [json!([]), json!("admin"), json!([1]), json!(["Admin!"]), json!(["service"])] {
            assert!(role_names(&bad).is_err(), "{bad}");
        }
    }
}
