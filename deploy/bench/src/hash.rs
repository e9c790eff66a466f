//! A login costs one password hash, so this rate is the ceiling of logins.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::per_second;

/// The parameters of bank-service.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

pub(crate) fn run(limit: Duration) -> anyhow::Result<String> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let begun = Instant::now();
    let threads: Vec<_> = (0..cores).map(|_| thread::spawn(move || hash_until(begun, limit))).collect();
    let mut hashes = 0;
    for handle in threads {
        hashes += handle.join().map_err(|_| anyhow!("a hashing thread panicked"))??;
    }
    Ok(format!("rate={} cores={cores}", per_second(hashes, begun.elapsed())))
}

fn hash_until(begun: Instant, limit: Duration) -> anyhow::Result<u64> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).map_err(|error| anyhow!("{error}"))?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut count = 0;
    let mut hash = [0; 32];
    while begun.elapsed() < limit {
        let done = hasher.hash_password_into(b"correct horse battery staple", b"0123456789abcdef", &mut hash);
        done.map_err(|error| anyhow!("{error}")).context("a hash")?;
        count += 1;
    }
    Ok(count)
}
