//! Configuration: read once at start, refused with all its faults together, secrets redacted.
//!
//! A service declares one `clap` struct; [`parse`] reads flags, then the environment (after `.env`), then, for every variable
//! that is marked `hide_env_values`, the file named by `NAME_FILE`. What clap cannot check is collected in [`Faults`]. No
//! secret is ever printed: [`Secret`] shows `***`, and a value from a file is kept out of `--help`.

mod examples;
mod faults;
mod load;
mod secret;

pub use examples::{EnvOptions, looks_like_example};
pub use faults::{ConfigError, Faults};
pub use load::{parse, parse_from};
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
