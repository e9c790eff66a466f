//! The paths of the workspace's binaries.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Beside the binary of this crate; built if it does not exist.
pub(crate) fn path(binary: &str) -> PathBuf {
    let standalone = Path::new(env!("CARGO_BIN_EXE_bank-standalone"));
    let path = standalone.with_file_name(binary);
    if !path.exists() {
        let profile = if standalone.parent().unwrap().ends_with("release") { "release" } else { "dev" };
        // In one build with this crate, so that dependencies keep the features of the existing build.
        let build = ["build", "--locked", "--profile", profile, "-p", "standalone", "-p", binary];
        let status = Command::new(env!("CARGO")).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success(), "{binary} cannot be built");
    }
    path
}
