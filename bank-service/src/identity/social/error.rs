//! Faults of a login at a provider.

/// Why a provider gave no identity. Nothing in it is secret: no code, no token, no address with either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The code or token is invalid, or not for our client. The answer shows no more than that.
    #[error("the login was refused: {0}")]
    Refused(&'static str),
    /// The provider has no tokens of this kind.
    #[error("the provider has no such token")]
    NotOffered,
    /// No answer in time, or not one of its interface; or the provider does not know us as a client.
    #[error("the provider cannot be asked: {0}")]
    Unavailable(String),
}

impl ProviderError {
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable(reason.into())
    }
}
