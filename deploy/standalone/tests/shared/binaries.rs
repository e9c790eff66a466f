//! Where the binaries of the workspace are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Beside the binary of this crate; built if it is not there.
pub(crate) fn path(binary: &str) -> PathBuf {
    let standalone = Path::new(env!("CARGO_BIN_EXE_bank-standalone"));
    let path = standalone.with_file_name(binary);
    if !path.exists() {
        let profile = if standalone.parent().unwrap().ends_with("release") { "release" } else { "dev" };
        // Together with this crate, so that dependencies have the features that they are built with already.
        let build = ["build", "--locked", "--profile", profile, "-p", "standalone", "-p", binary];
        let status = Command::new(env!("CARGO")).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success(), "{binary} cannot be built");
    }
    path
}
