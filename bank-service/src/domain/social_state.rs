//! The binding of a social login: which caller may complete a login that was begun here.
//!
//! Code and state return through a browser's address line, histories and logs, so the two of them must not be enough (RFC 9700,
//! 2.1 and 4.7). A page of ours is recognised by its cookie, a session by its token, and a program, or a page of another origin,
//! by the verifier whose challenge it sent at the start (RFC 7636). The binding of a state is decided at the start; a later request
//! cannot loosen it by omitting something.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use super::session::{SessionId, TokenHash};
use super::social::Provider;

const CHALLENGE_BYTES: usize = 32;
/// The length of a verifier (RFC 7636, 4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;
/// Marks a binding that is not required.
const NOTHING: &str = "-";

/// An S256 `code_challenge`: SHA-256 in base64url, 43 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the base64url of a SHA-256, 43 characters without padding")]
pub struct ChallengeError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 43 to 128 letters, digits, hyphens, dots, underscores and tildes")]
pub struct VerifierError;

impl FromStr for CodeChallenge {
    type Err = ChallengeError;
    fn from_str(text: &str) -> Result<Self, ChallengeError> {
        let decoded = URL_SAFE_NO_PAD.decode(text).map_err(|_| ChallengeError)?;
        if decoded.len() == CHALLENGE_BYTES { Ok(Self(text.to_owned())) } else { Err(ChallengeError) }
    }
}

impl CodeChallenge {
    /// The challenge of a `code_verifier`.
    pub fn of_verifier(verifier: &str) -> Result<Self, VerifierError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !VERIFIER_CHARS.contains(&verifier.len()) || !verifier.bytes().all(allowed) {
            return Err(VerifierError);
        }
        Ok(Self(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))))
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stored state of a login that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocialState {
    pub provider: Provider,
    /// The session that began linking a login; none for a login.
    pub owner: Option<(UserId, SessionId)>,
    /// The cookie required to complete it.
    pub cookie: Option<TokenHash>,
    /// The challenge whose verifier is required to complete it.
    pub challenge: Option<CodeChallenge>,
}

/// The evidence that a returning caller presents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presenter {
    /// The session that is linking a login; none for a login.
    pub session: Option<(UserId, SessionId)>,
    pub cookie: Option<TokenHash>,
    /// The challenge of the verifier that was sent.
    pub challenge: Option<CodeChallenge>,
}

impl SocialState {
    /// Whether this caller began this login. A verifier for a state without a challenge is refused too: it shows that the
    /// challenge was removed from the request on its way (RFC 9700, 2.1.1).
    pub fn belongs_to(&self, provider: Provider, presenter: &Presenter) -> bool {
        let same_browser = self.cookie.is_none() || self.cookie == presenter.cookie;
        let same_program = self.challenge == presenter.challenge;
        self.provider == provider && self.owner == presenter.session && same_browser && same_program
    }

    /// The stored form, on one line.
    pub fn to_text(&self) -> String {
        let cookie = self.cookie.as_ref().map_or(NOTHING, TokenHash::as_str);
        let challenge = self.challenge.as_ref().map_or(NOTHING, |challenge| &challenge.0);
        let owner = self.owner.map(|(user, session)| format!(" {user} {session}")).unwrap_or_default();
        format!("{} {cookie} {challenge}{owner}", self.provider)
    }

    /// None for unreadable text, such as the states of earlier releases.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let provider = words.next()?.parse().ok()?;
        let cookie = match words.next()? {
            NOTHING => None,
            hash => Some(TokenHash::parse(hash)?),
        };
        let challenge = match words.next()? {
            NOTHING => None,
            challenge => Some(challenge.parse().ok()?),
        };
        let owner = match (words.next(), words.next(), words.next()) {
            (None, ..) => None,
            (Some(user), Some(session), None) => {
                Some((UserId::try_new(user.parse().ok()?).ok()?, session.parse().ok()?))
            }
            _ => return None,
        };
        Some(Self { provider, owner, cookie, challenge })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn session(user: i64, session: u128) -> (UserId, SessionId) {
        (UserId::try_new(user).unwrap(), SessionId(Uuid::from_u128(session)))
    }

    fn challenge(of: char) -> CodeChallenge {
        CodeChallenge::of_verifier(&of.to_string().repeat(43)).unwrap()
    }

    /// Every combination of bindings, as a caller can present them.
    fn all() -> Vec<Presenter> {
        let mut all = Vec::new();
        for session in [None, Some(session(1, 1)), Some(session(1, 2)), Some(session(2, 1))] {
            for cookie in [None, Some(TokenHash::new([1; 32])), Some(TokenHash::new([2; 32]))] {
                for challenge in [None, Some(challenge('a')), Some(challenge('b'))] {
                    all.push(Presenter { session, cookie: cookie.clone(), challenge });
                }
            }
        }
        all
    }

    #[test]
    fn a_login_ends_only_with_all_that_it_is_bound_to() {
        for Presenter { session: owner, cookie, challenge } in all() {
            let state = SocialState { provider: Provider::Google, owner, cookie, challenge };
            assert_eq!(SocialState::parse(&state.to_text()), Some(state.clone()));
            assert!(state.to_text().len() <= 255);
            for presenter in all() {
                let right = state.owner == presenter.session
                    && state.challenge == presenter.challenge
                    && (state.cookie.is_none() || state.cookie == presenter.cookie);
                assert_eq!(state.belongs_to(Provider::Google, &presenter), right, "{state:?} {presenter:?}");
                assert!(!state.belongs_to(Provider::GitHub, &presenter));
            }
        }
    }

    #[test]
    fn verifiers_and_challenges_are_those_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(CodeChallenge::of_verifier(verifier).unwrap().to_string(), challenge);
        assert!(challenge.parse::<CodeChallenge>().is_ok());
        for bad in ["", verifier.split_at(42).0, &"a".repeat(129), &"ä".repeat(43), &" ".repeat(43)] {
            assert_eq!(CodeChallenge::of_verifier(bad), Err(VerifierError), "{bad:?}");
        }
        for bad in ["", "-", &challenge[1..], &format!("{challenge}="), &"=".repeat(43), &"a".repeat(44)] {
            assert_eq!(bad.parse::<CodeChallenge>(), Err(ChallengeError), "{bad:?}");
        }
    }

    #[test]
    fn a_state_of_an_earlier_release_is_no_state() {
        let hash = TokenHash::new([1; 32]);
        for text in [format!("google {}", hash.as_str()), format!("google {} 1 {}", hash.as_str(), Uuid::nil())] {
            assert_eq!(SocialState::parse(&text), None, "{text}");
        }
    }
}
