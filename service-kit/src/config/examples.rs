//! `APP_ENV`, and secrets that stand in example files: production refuses them, whatever they were to guard.

use clap::Args;

use super::{AppEnv, Faults, Secret};

/// What the example files of this repository, and of most others, have where a secret belongs.
const PARTS: [&str; 4] = ["change-me", "changeme", "example", "secret-key"];
/// Addresses that are paths.
const FILES: [&str; 2] = ["sqlite:", "mailbox:"];

/// `APP_ENV` for services that have no other use for it than to refuse example secrets.
#[derive(Debug, Clone, Copy, Args)]
pub struct EnvOptions {
    /// Which rules apply; production refuses example secrets
    #[arg(long, env = "APP_ENV", value_enum, default_value = "development", global = true)]
    pub app_env: AppEnv,
}

impl Default for EnvOptions {
    fn default() -> Self {
        Self { app_env: AppEnv::Development }
    }
}

/// Whether a text says of itself that it is to be replaced.
pub fn looks_like_example(secret: &str) -> bool {
    let lower = secret.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
}

impl Faults {
    /// Notes each secret that is an example while the rules are those of production. Of a URL the password counts: a host may
    /// well be called db.example.com. Nothing of the secret is shown.
    pub fn refuse_examples(&mut self, app_env: AppEnv, secrets: &[(&str, Option<&Secret>)]) {
        for (variable, secret) in secrets {
            if app_env.is_production() && secret.is_some_and(|secret| looks_like_example(guarding(secret.expose()))) {
                self.add(format!(
                    "{variable}: an example value, which production refuses; expected a secret of your own"
                ));
            }
        }
    }
}

/// The part of a secret that guards something: of a URL its password, which is empty if it has none. Files have none.
fn guarding(text: &str) -> &str {
    if FILES.iter().any(|scheme| text.starts_with(scheme)) {
        return "";
    }
    let Some((_, rest)) = text.split_once("://") else { return text };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let login = authority.rsplit_once('@').map_or("", |(login, _)| login);
    login.split_once(':').map_or("", |(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(app_env: AppEnv, text: &str) -> bool {
        let mut faults = Faults::new();
        let secret = Secret::new(text);
        faults.refuse_examples(app_env, &[("AMQP_URI", Some(&secret)), ("OTHER", None)]);
        let told = faults.finish().map_err(|error| error.to_string());
        assert!(told.as_ref().err().is_none_or(|told| told.contains("AMQP_URI: ") && !told.contains(text)), "{told:?}");
        told.is_err()
    }

    #[test]
    fn production_refuses_what_is_to_be_replaced_and_nothing_else() {
        for example in ["change-me", "amqp://bank:CHANGE-ME-1@rabbit", "mysql://u:changeme@db:3306/bank?x=1"] {
            assert!(refused(AppEnv::Production, example), "{example}");
            assert!(!refused(AppEnv::Staging, example), "{example}");
        }
        for sound in [
            "",
            "amqp://bank:f00@rabbit.example.com/x",
            "mongodb://h/example",
            "amqp://example@h",
            "sqlite:./example",
            "s3cr3t",
        ] {
            assert!(!refused(AppEnv::Production, sound), "{sound}");
        }
    }
}
