//! The servers and programs that the environments of all cases share.

use std::path::PathBuf;

use crate::servers::Servers;

pub(crate) struct Cluster {
    pub(crate) servers: Servers,
    pub(crate) binaries: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) prometheus: Option<PathBuf>,
    pub(crate) seed: u64,
}
