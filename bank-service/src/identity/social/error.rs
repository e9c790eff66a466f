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
    /// The provider does not know our client, or not by this secret.
    #[error("the provider does not know our client id and secret")]
    UnknownClient,
    /// No answer in time, or not one of its interface.
    #[error("the provider cannot be asked: {0}")]
    Unavailable(String),
}

impl ProviderError {
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable(reason.into())
    }
}
