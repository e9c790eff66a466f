//! Password hashing: Argon2id in PHC strings, off the async threads, a bounded number at a time.
//!
//! Hashing takes tens of milliseconds of one core and 19 MiB by design, so at most one job per core runs; whoever waits
//! longer than two seconds is turned away ([`HashingError::Overloaded`]) instead of queued. A permit travels with its job:
//! a request that is given up leaves the core to nobody until its job is done.
//!
//! An account that does not exist is verified against a dummy hash of the same cost, so the time of an answer tells nothing.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as PhcError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::password::{Password, PasswordError};

/// How long a login or a registration waits for a core.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// What to tell those who waited in vain.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// OWASP's minimum for Argon2id with one lane; stored hashes may be stronger, never weaker.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
/// Bounds on what a stored hash may ask for, so that a planted row cannot take the machine.
const MAX_MEMORY_KIB: u32 = 1_048_576;
const MAX_ITERATIONS: u32 = 16;
const MAX_LANES: u32 = 16;

#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("all cores are busy hashing passwords")]
    Overloaded,
    #[error("a password hash cannot be made or read: {0}")]
    Hash(PhcError),
    #[error("the hashing job was lost")]
    Lost,
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    #[error(transparent)]
    Refused(PasswordError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
}

/// What a check of a password found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and stored with other parameters than today's: keep this hash from now on.
    RightRehashed(String),
}

/// The right to use one core for hashing. Read the account after getting it: then no more guesses than cores can be under
/// way between a failure and its delay.
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone)]
pub struct Passwords {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    max_wait: Duration,
}

struct Shared {
    params: Params,
    dummy: String,
    min_score: u8,
}

impl Passwords {
    /// One job per core, at the cost that OWASP asks for. `min_score` is zxcvbn's, 0 to 4.
    pub fn start(cores: NonZeroUsize, min_score: u8) -> Result<Self, HashingError> {
        let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).map_err(|_| HashingError::Lost)?;
        Self::with_params(params, cores, min_score, MAX_WAIT)
    }

    /// As cheap as Argon2 can be, for test harnesses only: never reachable from the configuration.
    #[doc(hidden)]
    pub fn start_cheap_for_tests(cores: NonZeroUsize, min_score: u8, max_wait: Duration) -> Result<Self, HashingError> {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|_| HashingError::Lost)?;
        Self::with_params(params, cores, min_score, max_wait)
    }

    fn with_params(
        params: Params,
        cores: NonZeroUsize,
        min_score: u8,
        max_wait: Duration,
    ) -> Result<Self, HashingError> {
        let dummy = hash(&params, &service_kit::ids::random_bytes::<16>())?;
        let shared = Arc::new(Shared { params, dummy, min_score });
        Ok(Self { shared, permits: Arc::new(Semaphore::new(cores.get())), max_wait })
    }

    /// Waits for a core, at most two seconds.
    pub async fn slot(&self) -> Result<Slot, HashingError> {
        let permit = tokio::time::timeout(self.max_wait, Arc::clone(&self.permits).acquire_owned()).await;
        permit.ok().and_then(Result::ok).map(|permit| Slot { _permit: permit }).ok_or(HashingError::Overloaded)
    }

    /// Judges a new password against the words of its owner and hashes it.
    pub async fn hash(&self, password: Password, owner_words: Vec<String>) -> Result<String, NewPasswordError> {
        let shared = Arc::clone(&self.shared);
        let job = move || {
            password.check_strength(shared.min_score, &owner_words).map_err(NewPasswordError::Refused)?;
            Ok(hash(&shared.params, password.expose())?)
        };
        let (result, _slot) = run(self.slot().await?, job).await?;
        result
    }

    /// Checks a presented password against a stored hash, or against the dummy where there is none (an unknown address, a
    /// user without a password, a login that is being slowed down): the answer is then [`Verdict::Wrong`] after the same work.
    /// The slot comes back, to be held until a failure is on record.
    pub async fn verify(
        &self,
        slot: Slot,
        presented: Option<Password>,
        stored: Option<String>,
    ) -> Result<(Verdict, Slot), HashingError> {
        let shared = Arc::clone(&self.shared);
        let (verdict, slot) = run(slot, move || verify(&shared, presented.as_ref(), stored.as_deref())).await?;
        Ok((verdict?, slot))
    }
}

/// Runs a job on a blocking thread; the slot goes with it, so giving up the future does not free the core early.
async fn run<T: Send + 'static>(
    slot: Slot,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Slot), HashingError> {
    let job = tokio::task::spawn_blocking(move || (job(), slot));
    job.await.map_err(|_| HashingError::Lost)
}

fn hasher(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &[u8]) -> Result<String, HashingError> {
    let salt = service_kit::ids::random_bytes::<16>();
    let hash: PasswordHash = hasher(params).hash_password_with_salt(password, &salt).map_err(HashingError::Hash)?;
    Ok(hash.to_string())
}

fn verify(shared: &Shared, presented: Option<&Password>, stored: Option<&str>) -> Result<Verdict, HashingError> {
    let (Some(presented), Some(stored)) = (presented, stored) else {
        // What it finds is of no interest; that it takes as long as a real check is.
        let bytes = presented.map_or(&[][..], Password::expose);
        return check(&shared.params, bytes, &shared.dummy).map(|_| Verdict::Wrong);
    };
    match check(&shared.params, presented.expose(), stored)? {
        None => Ok(Verdict::Wrong),
        Some(params) if is_current(&params, &shared.params) => Ok(Verdict::Right),
        Some(_) => Ok(Verdict::RightRehashed(hash(&shared.params, presented.expose())?)),
    }
}

/// The parameters of the hash if the password is right.
fn check(current: &Params, password: &[u8], stored: &str) -> Result<Option<Params>, HashingError> {
    let stored = PasswordHash::new(stored).map_err(|_| HashingError::Hash(PhcError::EncodingInvalid))?;
    let params = Params::try_from(&stored).map_err(HashingError::Hash)?;
    if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_ITERATIONS || params.p_cost() > MAX_LANES {
        return Err(HashingError::Hash(PhcError::ParamsInvalid));
    }
    match hasher(current).verify_password(password, &stored) {
        Ok(()) => Ok(Some(params)),
        Err(PhcError::PasswordInvalid) => Ok(None),
        Err(error) => Err(HashingError::Hash(error)),
    }
}

fn is_current(stored: &Params, current: &Params) -> bool {
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    cost(stored) == cost(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap(cores: usize, wait: Duration) -> Passwords {
        Passwords::start_cheap_for_tests(NonZeroUsize::new(cores).unwrap(), 0, wait).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    async fn verdict(passwords: &Passwords, presented: &str, stored: Option<&str>) -> Verdict {
        let slot = passwords.slot().await.unwrap();
        let stored = stored.map(str::to_owned);
        passwords.verify(slot, Some(password(presented)), stored).await.unwrap().0
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = cheap(2, MAX_WAIT);
        let stored = passwords.hash(password("correct horse"), Vec::new()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"));
        assert_eq!(verdict(&passwords, "correct horse", Some(&stored)).await, Verdict::Right);
        assert_eq!(verdict(&passwords, "correct house", Some(&stored)).await, Verdict::Wrong);
        assert_eq!(verdict(&passwords, "correct horse", None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn the_configured_cost_is_owasps_and_older_hashes_are_renewed() {
        let stored = cheap(1, MAX_WAIT).hash(password("correct horse"), Vec::new()).await.unwrap();
        let passwords = Passwords::start(NonZeroUsize::MIN, 0).unwrap();
        let Verdict::RightRehashed(renewed) = verdict(&passwords, "correct horse", Some(&stored)).await else {
            panic!("a weak hash must be renewed")
        };
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        assert_eq!(verdict(&passwords, "correct horse", Some(&renewed)).await, Verdict::Right);
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_core_is_turned_away() {
        let passwords = cheap(1, Duration::from_millis(20));
        let taken = passwords.slot().await.unwrap();
        assert!(matches!(passwords.slot().await, Err(HashingError::Overloaded)));
        drop(taken);
        assert!(passwords.slot().await.is_ok());
    }

    #[tokio::test]
    async fn a_stored_hash_cannot_ask_for_unbounded_work() {
        let passwords = cheap(1, MAX_WAIT);
        let planted = "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
        let slot = passwords.slot().await.unwrap();
        let outcome = passwords.verify(slot, Some(password("correct horse")), Some(planted.to_owned())).await;
        assert!(matches!(outcome, Err(HashingError::Hash(_))));
    }
}
