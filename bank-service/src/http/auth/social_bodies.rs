//! The bodies of logins by a provider, and the HTTP problems of their errors.

use std::time::Duration;

use service_kit::http::fields::{Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};

use crate::domain::social_state::{ChallengeError, CodeChallenge};
use crate::identity::social::logins::{LinkError, ResolveIdentityError, UnlinkError};
use crate::identity::social::{SocialError, SocialProof};

const MAX_CODE: usize = 2048;
const MAX_STATE: usize = 255;
/// Fits the bodies that `/auth` takes.
const MAX_TOKEN: usize = 7168;
const RETRY_AFTER: Duration = Duration::from_secs(5);

// It has no `Debug`: it holds secrets.
pub(super) struct SocialRequest {
    pub(super) proof: SocialProof,
    /// Of the `code_verifier`.
    pub(super) challenge: Option<CodeChallenge>,
}

/// What a login was begun for here, or what an app got by itself.
#[derive(utoipa::ToSchema)]
#[schema(as = SocialLoginRequest)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) enum SocialBody {
    Code(SocialByCode),
    IdToken(SocialByIdToken),
    AccessToken(SocialByAccessToken),
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct SocialByCode {
    /// From the redirect of a login that was begun here.
    #[schema(min_length = 1, max_length = 2048, pattern = "^[!-~]+$")]
    pub code: String,
    /// The one that came with the code.
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    pub state: String,
    /// Of the `code_challenge` that the login was begun with; required if there was one.
    #[schema(min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]+$")]
    pub code_verifier: Option<String>,
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct SocialByIdToken {
    /// What an app got from Google, LinkedIn or Facebook for the `nonce` of a login that was begun here; good once.
    #[schema(min_length = 1, max_length = 7168, pattern = "^[A-Za-z0-9_.-]+$")]
    pub id_token: String,
    /// Of the `code_challenge` that the login was begun with; required if there was one.
    #[schema(min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]+$")]
    pub code_verifier: Option<String>,
}

#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct SocialByAccessToken {
    /// What an app got from any of them. It has to be given to one of our clients.
    #[schema(min_length = 1, max_length = 7168, pattern = "^[A-Za-z0-9._~+/=|-]+$")]
    pub access_token: String,
}

impl FromFields for SocialRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let code = fields.optional("code", parse::string(1, MAX_CODE));
        let state = fields.optional("state", parse::string(1, MAX_STATE));
        let id_token = fields.optional("id_token", parse::string(1, MAX_TOKEN));
        let access_token = fields.optional("access_token", parse::string(1, MAX_TOKEN));
        let challenge = fields.optional("code_verifier", parse::via(CodeChallenge::of_verifier));
        let proof = match (code?, state?, id_token?, access_token?) {
            (Some(code), Some(state), None, None) => SocialProof::Code { code, state },
            (None, None, Some(token), None) => SocialProof::IdToken(token),
            (None, None, None, Some(token)) => SocialProof::AccessToken(token),
            (Some(_), None, None, None) => {
                fields.fault("state", "is required with a code");
                return None;
            }
            (None, Some(_), None, None) => {
                fields.fault("code", "is required with a state");
                return None;
            }
            _ => {
                fields.fault("code", "one of these is required: code with state, id_token, access_token");
                return None;
            }
        };
        let challenge = challenge?;
        if challenge.is_some() && matches!(proof, SocialProof::AccessToken(_)) {
            fields.fault("code_verifier", "belongs to a code or an id_token");
            return None;
        }
        Some(Self { proof, challenge })
    }
}

/// The challenge that a login is begun with, if any.
pub(super) fn challenge_in(query: &str) -> Result<Option<CodeChallenge>, Problem> {
    let given = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    if given("code_challenge_method").is_some_and(|(_, method)| method != "S256") {
        return Err(fault("code_challenge_method", "must be S256".to_owned()));
    }
    let challenge = given("code_challenge").map(|(_, text)| text.parse()).transpose();
    challenge.map_err(|error: ChallengeError| fault("code_challenge", error.to_string()))
}

fn fault(field: &str, message: String) -> Problem {
    Problem::validation(FieldErrors::from([(field.to_owned(), vec![message])]))
}

impl From<SocialError> for Problem {
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::NotConfigured(provider) => {
                fault("provider", format!("{} is not set up on this server", provider.title()))
            }
            SocialError::NotOffered(provider) => {
                fault("id_token", format!("{} has none; send code and state, or access_token", provider.title()))
            }
            SocialError::Refused => {
                Self::new(ErrorCode::InvalidCredentials, "The login at the provider was not accepted; begin it again.")
            }
            SocialError::Unavailable(provider) => {
                let detail = format!("{} cannot be asked at the moment.", provider.title());
                Self::new(ErrorCode::Unavailable, detail).with_retry_after(RETRY_AFTER)
            }
            SocialError::Arrive(error) => error.into(),
            SocialError::Link(error) => error.into(),
            SocialError::LogIn(error) => error.into(),
            SocialError::Store(error) => error.into(),
        }
    }
}

impl From<ResolveIdentityError> for Problem {
    fn from(error: ResolveIdentityError) -> Self {
        match error {
            ResolveIdentityError::LinkRequired => {
                let detail = "There is an account with the address of this login. Log in to it and link this provider.";
                Self::new(ErrorCode::LinkRequired, detail)
            }
            ResolveIdentityError::NoAddress => {
                let message = "the provider gave none; allow it to, or register with an address and link this login";
                fault("email", message.to_owned())
            }
            error @ ResolveIdentityError::UnknownRole(_) => Self::internal(&error),
            ResolveIdentityError::Store(error) => error.into(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::HasOne => Self::conflict("You have a login by this provider; remove it first."),
            LinkError::Taken => Self::conflict("This login is linked to another account."),
            LinkError::Gone => Self::new(ErrorCode::TokenRevoked, "The session of this token has ended; log in again."),
            LinkError::Store(error) => error.into(),
        }
    }
}

impl From<UnlinkError> for Problem {
    fn from(error: UnlinkError) -> Self {
        match error {
            UnlinkError::NotFound => Self::not_found("login"),
            UnlinkError::LastMethod => {
                Self::conflict("It is your last way to log in; set a password or link another provider first.")
            }
            UnlinkError::Store(error) => error.into(),
        }
    }
}
