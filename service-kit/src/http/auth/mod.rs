//! Access tokens: `EdDSA` JWTs, made by bank-service and verified by every service with its public keys.
//!
//! RFC 8725 throughout: one algorithm, keys only from our own map by `kid`, `typ`, issuer, audience and both times required,
//! tokens over 4 KiB refused before they are parsed. There is no shared secret between services.

mod claims;
mod extract;
mod jwk;
mod key_cache;
mod live;
mod remote;
mod session;
mod signing;
mod verify;

pub use claims::{AUDIENCE_BANK, AUDIENCE_EMAIL, AUDIENCE_LOG, Claims, ISSUER, LEEWAY, TOKEN_TYPE};
pub use extract::Bearer;
pub use jwk::{Jwk, Jwks, KeySource, KeysUnavailable};
pub use key_cache::KeyCache;
pub use live::LiveBearer;
pub use remote::HttpKeys;
pub use session::{HttpSessions, SessionError, SessionSource};
pub use signing::{AuthError, SigningKey};
pub use verify::{TokenError, Verifier};

/// The address of bank-service's keys; its sessions are checked at the same origin.
pub const JWKS_VARIABLE: &str = "JWKS_URL";
