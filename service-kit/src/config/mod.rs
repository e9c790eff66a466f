//! Configuration: read once at start, refused with all its faults together, secrets redacted.
//!
//! A service declares one `clap` struct; [`parse`] reads flags, then the environment and `.env`, each under our name, its
//! lower-case form or an older service's name, and, for every variable that is marked `hide_env_values`, the file named by
//! `NAME_FILE`. A value of a variable that clap would refuse, and what clap cannot check, is collected in [`Faults`]. No
//! secret is ever printed: [`Secret`] shows `***`, and a value from a file is kept out of `--help`.

mod arguments;
mod dotenv;
mod examples;
mod faults;
mod load;
mod old_names;
mod refused;
mod secret;
mod variables;

pub use examples::{EnvOptions, is_plain, looks_like_example, plain_http_warning, refuse_plain_http};
pub use faults::{ConfigError, Faults};
pub use load::{parse, parse_from, warnings};
pub use old_names::{OLD_NAMES, OldName, Treatment};
pub use secret::Secret;

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
