//! The bodies of logins by a provider, and the HTTP problems of their errors.

use std::time::Duration;

use service_kit::http::fields::{Describe, Fields, Form, FromFields, Kind, Parse, parse};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};
use service_kit::{request_form, request_schema};

use crate::domain::social_state::CodeChallenge;
use crate::identity::social::logins::{LinkError, ResolveIdentityError, UnlinkError};
use crate::identity::social::{SocialError, SocialProof};

const MAX_CODE: usize = 2048;
const MAX_STATE: usize = 255;
/// Fits the bodies that `/auth` takes.
const MAX_TOKEN: usize = 7168;
const RETRY_AFTER: Duration = Duration::from_secs(5);

// It has no `Debug`: it holds secrets.
pub(in crate::http) struct SocialLoginRequest {
    pub(super) proof: SocialProof,
    /// Of the `code_verifier`.
    pub(super) challenge: Option<CodeChallenge>,
}

impl FromFields for SocialLoginRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.one_of(&[
            Form::of::<SocialByCode>(&["code", "state"]),
            Form::of::<SocialByIdToken>(&["id_token"]),
            Form::of::<SocialByAccessToken>(&["access_token"]),
        ])
    }
}

request_schema!(SocialLoginRequest, "What a login was begun for here, or what an app got by itself.");

impl FromFields for SocialByCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        let code = parse::string(1, MAX_CODE).pattern("^[!-~]+$");
        let code = fields.required("code", code.described("From the redirect of a login that was begun here."));
        let state = parse::string(1, MAX_STATE).pattern("^[!-~]+$");
        let state = fields.required("state", state.described("The one that came with the code."));
        let challenge = fields.optional("code_verifier", code_verifier());
        let proof = SocialProof::Code { code: code?, state: state? };
        Some(Self(SocialLoginRequest { proof, challenge: challenge? }))
    }
}

request_form!(SocialByCode of SocialLoginRequest);

impl FromFields for SocialByIdToken {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "What an app got from Google, LinkedIn or Facebook for the `nonce` of a login that was begun here; good once.";
        let token = parse::string(1, MAX_TOKEN).pattern("^[A-Za-z0-9_.-]+$").described(about);
        let token = fields.required("id_token", token);
        let challenge = fields.optional("code_verifier", code_verifier());
        Some(Self(SocialLoginRequest { proof: SocialProof::IdToken(token?), challenge: challenge? }))
    }
}

request_form!(SocialByIdToken of SocialLoginRequest);

impl FromFields for SocialByAccessToken {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "What an app got from any of them. It has to be given to one of our clients.";
        let token = parse::string(1, MAX_TOKEN).pattern("^[A-Za-z0-9._~+/=|-]+$").described(about);
        let token = fields.required("access_token", token);
        Some(Self(SocialLoginRequest { proof: SocialProof::AccessToken(token?), challenge: None }))
    }
}

request_form!(SocialByAccessToken of SocialLoginRequest);

fn code_verifier() -> Kind<impl Parse<CodeChallenge>, impl Describe> {
    let about = "Of the `code_challenge` that the login was begun with; required if there was one.";
    parse::via(CodeChallenge::of_verifier).length(43, 128).pattern("^[A-Za-z0-9._~-]+$").described(about)
}

/// The challenge that a login is begun with, if any.
pub(super) fn challenge_in(query: &str) -> Result<Option<CodeChallenge>, Problem> {
    let given = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    let mut faults = FieldErrors::new();
    if given("code_challenge_method").is_some_and(|(_, method)| method != "S256") {
        faults.insert("code_challenge_method".to_owned(), vec!["must be S256".to_owned()]);
    }
    match given("code_challenge").map(|(_, text)| text.parse::<CodeChallenge>()).transpose() {
        Ok(challenge) if faults.is_empty() => return Ok(challenge),
        Ok(_) => {}
        Err(error) => {
            faults.insert("code_challenge".to_owned(), vec![error.to_string()]);
        }
    }
    Err(Problem::validation(faults))
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
