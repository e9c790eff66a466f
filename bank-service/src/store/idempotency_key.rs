//! An `Idempotency-Key` with its request, which the stored responses and the transfers have in common.

/// A key with its request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The caller: a user, or a shared name for anonymous callers.
    pub caller: String,
    pub key: String,
    /// A keyed hash of method, path and body, in hex digits: the body may contain a password.
    pub request_hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    #[error("the key was used for another request")]
    KeyReused,
}
