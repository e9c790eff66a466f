//! The rate of the disk, without which a rate of commits has no meaning.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::percentile;

const ROUNDS: usize = 200;
const BLOCK: [u8; 4096] = [7; 4096];

pub(crate) fn run(folder: &Path) -> anyhow::Result<String> {
    let mut file: File = tempfile::tempfile_in(folder).context("--folder")?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let [half, most] = [50, 99].map(|percent| percentile(&times, percent).as_micros());
    Ok(format!("fsync_p50_us={half} fsync_p99_us={most}"))
}
