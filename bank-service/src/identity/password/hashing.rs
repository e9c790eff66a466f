//! Password hashing: Argon2id in PHC strings, off the async threads, a bounded number at a time.
//!
//! Hashing takes tens of milliseconds of one core and 19 MiB by design, so at most one job per core runs, on threads of their
//! own ([`HashingThreads`]). A request takes a slot first; there are twice as many slots as cores: while one half is hashed,
//! the accounts of the other half are read, and no core waits for the database. A request that waits longer than two seconds
//! for a slot is refused ([`HashingError::Overloaded`]) instead of queued. A slot travels with its job: if the request is
//! dropped, the slot is free only when the job is done.
//!
//! An account that does not exist is verified against a dummy hash of the same cost, so the time of an answer does not show it.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::Error as PhcError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time;
use service_kit::telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::password::{Password, PasswordError};
use crate::identity::password::hashing_metrics::HashingMetrics;
use crate::identity::password::hashing_threads::{HashingThreads, Memory};
use crate::identity::password::imported_hash::{ImportedHash, verify_foreign};

/// The longest wait of a login or a registration for a slot.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// The `Retry-After` of refused requests.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// OWASP's minimum for Argon2id with one lane; stored hashes may be stronger, never weaker.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// Slots per core: one is hashed while the account of the next is read.
const SLOTS_PER_CORE: usize = 2;

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

#[derive(Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    Wrong,
    Right,
    /// Right, and stored with other parameters than today's: store this hash instead.
    RightRehashed(String),
}

/// A hashing slot. Read the account after getting it: then no more guesses than there are slots can run between a failure and
/// its delay.
pub struct HashPermit {
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone)]
pub struct Passwords {
    shared: Arc<Shared>,
    threads: HashingThreads,
    permits: Arc<Semaphore>,
    max_wait: Duration,
    metrics: Arc<OnceLock<HashingMetrics>>,
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
        let slots = cores.get().saturating_mul(SLOTS_PER_CORE);
        Self::with_params(params, cores, slots, min_score, MAX_WAIT)
    }

    fn with_params(
        params: Params,
        cores: NonZeroUsize,
        slots: usize,
        min_score: u8,
        max_wait: Duration,
    ) -> Result<Self, HashingError> {
        let dummy = hash(&params, &mut Memory::default(), &service_kit::ids::random_bytes::<16>())?;
        let shared = Arc::new(Shared { params, dummy, min_score });
        let threads = HashingThreads::start(cores).map_err(|_| HashingError::Lost)?;
        let (permits, metrics) = (Arc::new(Semaphore::new(slots)), Arc::default());
        Ok(Self { shared, threads, permits, max_wait, metrics })
    }

    /// From now on waits for a slot are measured; the first call wins.
    pub fn measure_with(&self, metrics: &Metrics) {
        self.metrics.get_or_init(|| HashingMetrics::new(metrics));
    }

    /// Waits for a slot, at most two seconds.
    pub async fn permit(&self) -> Result<HashPermit, HashingError> {
        let metrics = self.metrics.get();
        let wait = metrics.map(HashingMetrics::wait);
        let permit = tokio::time::timeout(self.max_wait, Arc::clone(&self.permits).acquire_owned()).await;
        drop(wait);
        let Some(permit) = permit.ok().and_then(Result::ok) else {
            if let Some(metrics) = metrics {
                metrics.count_refused();
            }
            return Err(HashingError::Overloaded);
        };
        Ok(HashPermit { _permit: permit })
    }

    /// Checks a new password's strength against its owner's words and hashes it.
    pub async fn hash(&self, password: Password, owner_words: Vec<String>) -> Result<String, NewPasswordError> {
        let shared = Arc::clone(&self.shared);
        let job = move |memory: &mut Memory| {
            password.check_strength(shared.min_score, &owner_words).map_err(NewPasswordError::Refused)?;
            Ok(hash(&shared.params, memory, password.expose())?)
        };
        let (result, _permit) = self.run(self.permit().await?, job).await?;
        result
    }

    /// Checks the strength of a new password that is not hashed, since the request is refused for another reason.
    pub async fn check_strength(&self, password: Password, owner_words: Vec<String>) -> Result<(), NewPasswordError> {
        let min_score = self.shared.min_score;
        let job = move |_: &mut Memory| password.check_strength(min_score, &owner_words);
        let (result, _permit) = self.run(self.permit().await?, job).await?;
        result.map_err(NewPasswordError::Refused)
    }

    /// Checks a presented password against a stored hash, or against the dummy where there is none (an unknown address, a user
    /// without a password, a throttled login): the answer is then [`PasswordCheck::Wrong`] after the same work. The slot is
    /// returned, to be held until a failure is on record.
    pub async fn verify(
        &self,
        permit: HashPermit,
        given: Option<Password>,
        stored: Option<String>,
    ) -> Result<(PasswordCheck, HashPermit), HashingError> {
        let shared = Arc::clone(&self.shared);
        let (checked, permit) =
            self.run(permit, move |memory| verify(&shared, memory, given.as_ref(), stored.as_deref())).await?;
        Ok((checked?, permit))
    }

    /// Runs a job on a hashing thread; the slot goes with it, so dropping the future does not free it early.
    async fn run<T: Send + 'static>(
        &self,
        permit: HashPermit,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<(T, HashPermit), HashingError> {
        let (tx, rx) = oneshot::channel();
        self.threads.submit(move |memory| {
            // If the receiver is gone, the slot is free from here on.
            drop(tx.send((job(memory), permit)));
        });
        rx.await.map_err(|_| HashingError::Lost)
    }
}

fn hash(params: &Params, memory: &mut Memory, password: &[u8]) -> Result<String, HashingError> {
    let salt = service_kit::ids::random_bytes::<SALT_BYTES>();
    let mut out = [0; HASH_BYTES];
    fill(params, Version::V0x13, memory, password, &salt, &mut out)?;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(HashingError::Hash)?,
        salt: Some(Salt::new(&salt).map_err(|_| HashingError::Hash(PhcError::SaltInvalid))?),
        hash: Some(Output::new(&out).map_err(|_| HashingError::Hash(PhcError::OutputSize))?),
    };
    Ok(hash.to_string())
}

fn fill(
    params: &Params,
    version: Version,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), HashingError> {
    let hasher = Argon2::new(Algorithm::Argon2id, version, params.clone());
    let filled = hasher.hash_password_into_with_memory(password, salt, out, memory.of(params));
    filled.map_err(|error| HashingError::Hash(error.into()))
}

fn verify(
    shared: &Shared,
    memory: &mut Memory,
    given: Option<&Password>,
    stored: Option<&str>,
) -> Result<PasswordCheck, HashingError> {
    let (Some(given), Some(stored)) = (given, stored) else {
        // The result does not matter, only that it takes as long as a real check.
        let bytes = given.map_or(&[][..], Password::expose);
        return check(memory, bytes, &shared.dummy).map(|_| PasswordCheck::Wrong);
    };
    let stored = ImportedHash::parse(stored).map_err(|_| HashingError::Hash(PhcError::ParamsInvalid))?;
    let (right, is_current) = match &stored {
        ImportedHash::Argon2id(text) => match check(memory, given.expose(), text)? {
            Some(params) => (true, is_current(&params, &shared.params)),
            // Other systems hash the password as typed.
            None => match given.typed() {
                Some(typed) => (check(memory, typed, text)?.is_some(), false),
                None => (false, false),
            },
        },
        foreign => {
            let typed = given.typed().unwrap_or(given.expose());
            let right = verify_foreign(foreign, typed);
            (right.map_err(|_| HashingError::Hash(PhcError::EncodingInvalid))?, false)
        }
    };
    match (right, is_current) {
        (false, _) => Ok(PasswordCheck::Wrong),
        (true, true) => Ok(PasswordCheck::Right),
        (true, false) => Ok(PasswordCheck::RightRehashed(hash(&shared.params, memory, given.expose())?)),
    }
}

/// The parameters of an Argon2id hash if the password is right. Its cost was bounded when it was parsed.
fn check(memory: &mut Memory, password: &[u8], stored: &str) -> Result<Option<Params>, HashingError> {
    let stored = PasswordHash::new(stored).map_err(|_| HashingError::Hash(PhcError::EncodingInvalid))?;
    let params = Params::try_from(&stored).map_err(HashingError::Hash)?;
    let version = stored.version.map(Version::try_from).transpose();
    let version = version.map_err(|error| HashingError::Hash(error.into()))?.unwrap_or(Version::V0x10);
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(HashingError::Hash(PhcError::EncodingInvalid));
    };
    let mut out = vec![0; expected.len()];
    fill(&params, version, memory, password, salt.as_ref(), &mut out)?;
    let right = constant_time::verify_slices_are_equal(&out, expected.as_bytes()).is_ok();
    Ok(right.then_some(params))
}

fn is_current(stored: &Params, current: &Params) -> bool {
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    cost(stored) == cost(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cheap as Argon2 can be.
    fn cheap(cores: usize, wait: Duration) -> Passwords {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        Passwords::with_params(params, NonZeroUsize::new(cores).unwrap(), cores, 0, wait).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    async fn check_password(passwords: &Passwords, given: &str, stored: Option<&str>) -> PasswordCheck {
        let permit = passwords.permit().await.unwrap();
        let stored = stored.map(str::to_owned);
        passwords.verify(permit, Some(password(given)), stored).await.unwrap().0
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = cheap(2, MAX_WAIT);
        let stored = passwords.hash(password("correct horse"), Vec::new()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"));
        assert_eq!(check_password(&passwords, "correct horse", Some(&stored)).await, PasswordCheck::Right);
        assert_eq!(check_password(&passwords, "correct house", Some(&stored)).await, PasswordCheck::Wrong);
        assert_eq!(check_password(&passwords, "correct horse", None).await, PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn the_configured_cost_is_owasps_and_older_hashes_are_renewed() {
        let stored = cheap(1, MAX_WAIT).hash(password("correct horse"), Vec::new()).await.unwrap();
        let passwords = Passwords::start(NonZeroUsize::MIN, 0).unwrap();
        let PasswordCheck::RightRehashed(renewed) = check_password(&passwords, "correct horse", Some(&stored)).await
        else {
            panic!("a weak hash must be renewed")
        };
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        assert_eq!(check_password(&passwords, "correct horse", Some(&renewed)).await, PasswordCheck::Right);
    }

    #[tokio::test]
    async fn a_caller_that_waits_too_long_for_a_core_is_refused() {
        let passwords = cheap(1, Duration::from_millis(20));
        let taken = passwords.permit().await.unwrap();
        assert!(matches!(passwords.permit().await, Err(HashingError::Overloaded)));
        drop(taken);
        assert!(passwords.permit().await.is_ok());
    }

    #[tokio::test]
    async fn waits_and_refusals_are_measured() {
        let (passwords, metrics) = (cheap(1, Duration::from_millis(20)), Metrics::new());
        passwords.measure_with(&metrics);
        let taken = passwords.permit().await.unwrap();
        assert!(passwords.permit().await.is_err());
        drop(taken);
        let text = metrics.render();
        for line in [
            "bank_password_hash_wait_seconds_count 2",
            "bank_password_hashes_refused_total 1",
            "bank_password_hashes_waiting 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[tokio::test]
    async fn a_stored_hash_cannot_demand_unbounded_work() {
        let passwords = cheap(1, MAX_WAIT);
        let planted = "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
        let permit = passwords.permit().await.unwrap();
        let outcome = passwords.verify(permit, Some(password("correct horse")), Some(planted.to_owned())).await;
        assert!(matches!(outcome, Err(HashingError::Hash(_))));
    }
}
