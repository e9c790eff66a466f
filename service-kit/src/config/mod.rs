//! Configuration: read once at start, refused with all its faults at once, secrets redacted.
//!
//! A service declares one `clap` struct; [`parse`] reads flags, then the environment and `.env`, each under our name, its
//! lower-case form or an older service's name, and, for every variable that is marked `hide_env_values`, the file named by
//! `NAME_FILE`. A value that cannot be read, of a flag or a variable, is collected in [`Faults`], and a default stands in for it,
//! so that the service can add what is wrong beyond single values: one start names every fault. A service checks everything
//! before it writes anything, and ends with [`EXIT_REFUSED`]. No fault shows a value, and no secret is ever printed: [`Secret`]
//! shows `***`, and a value from a file is kept out of `--help`.

mod arguments;
mod base_url;
mod command_line;
mod defaults;
mod dotenv;
mod examples;
mod faults;
mod files;
mod foreign;
mod guesses;
mod ignored;
mod load;
mod login;
mod names;
mod old_names;
mod paths;
mod refused;
mod secret;
mod variables;
mod words;

pub use base_url::{base_url, public_url};
pub use defaults::defaults;
pub use examples::{EnvOptions, is_plain, plain_http_warning, refuse_plain_http, resembles_example};
pub use faults::{ConfigError, Faults};
pub use files::{PEM_LIMIT, read_file, read_text};
pub use load::{Parsed, parse, print_warnings, warnings};
pub use old_names::{OLD_NAMES, OldName, Treatment};
pub(crate) use paths::{ANOTHER_ADDRESS, is_address, is_database};
pub use paths::{check_file, check_folder};
pub use refused::Expected;
pub use secret::Secret;

/// The exit code of a program that does not start with its configuration, as of others that cannot make sense of their command
/// line.
pub const EXIT_REFUSED: u8 = 2;

/// Which rules apply: production refuses what development lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AppEnv {
    Development,
    Testing,
    Staging,
    Production,
}

impl AppEnv {
    pub fn is_production(self) -> bool {
        self == Self::Production
    }
}
