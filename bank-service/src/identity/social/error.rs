//! What can be wrong with a login at a provider.

/// Why a provider did not tell who somebody is. Nothing in it is secret: no code, no token, no address with either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The code or token is not good, or not for us. More is not told to whoever sent it.
    #[error("the login was refused: {0}")]
    Refused(&'static str),
    /// The provider has no tokens of this kind.
    #[error("the provider has no such token")]
    NotOffered,
    /// It did not answer in time, or not what its interface says; or it does not know us as a client.
    #[error("the provider cannot be asked: {0}")]
    Unavailable(String),
}

impl ProviderError {
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable(reason.into())
    }
}
