//! Guesses which of our settings an unread variable is meant for, and which flag a misspelt one.
//!
//! A name is close to one of ours if a few characters differ; if it has the same words in another order, in the plural, or with
//! another usual word for the same (`ENVIRONMENT` for `ENV`); if it begins with the same word and lacks some, or has one more; or
//! if it is the flag written like a variable.

use clap::{Arg, Command};

/// Names shorter than this resemble too much.
const SHORTEST_TO_GUESS: usize = 6;
const LONGEST_REST: usize = 4;
const LONG_NAME: usize = 10;

/// Words that stand for each other in names of settings; the first one stands for all.
const SYNONYMS: &[&[&str]] = &[
    &["ADDR", "ADDRESS"],
    &["CERT", "CERTIFICATE"],
    &["DIR", "DIRECTORY", "FOLDER"],
    &["EMAIL", "MAIL"],
    &["ENV", "ENVIRONMENT"],
    &["HOST", "SERVER"],
    &["MONGODB", "MONGO"],
    &["NAME", "DATABASE", "DB"],
    &["PASS", "PASSWD", "PASSWORD", "PWD"],
    &["REGISTER", "REGISTRATION"],
    &["URL", "URI"],
    &["USER", "USERNAME"],
];
/// Such a word in a name says that the variable is set aside.
const ASIDE: &[&str] = &[
    "BACKUP", "BAK", "COPY", "DEV", "DISABLED", "EXAMPLE", "OLD", "ORIG", "PREV", "PREVIOUS", "PROD", "TEST", "UNUSED",
];

/// A name that ends with such a word holds a credential, and is not the beginning of a setting about it.
const CREDENTIALS: &[&str] = &["ID", "KEY", "PASS", "SECRET", "TOKEN"];

/// A setting, as far as names go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) variable: String,
    /// The flag, written like a variable.
    pub(super) flag: String,
    /// A secret is also read from a file, so it has a second name.
    pub(super) is_secret: bool,
}

impl Setting {
    /// The settings of a command and of its subcommands.
    pub(super) fn all_of(command: &Command) -> Vec<Self> {
        let own = command.get_arguments().filter_map(|arg| {
            let flag = arg.get_long().unwrap_or_default().to_uppercase().replace('-', "_");
            Some(Self { variable: arg.get_env()?.to_str()?.to_owned(), flag, is_secret: arg.is_hide_env_values_set() })
        });
        own.chain(command.get_subcommands().flat_map(Self::all_of)).collect()
    }

    /// Whether the setting is read from a variable of this name.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.variable == name || (self.is_secret && name.strip_suffix("_FILE") == Some(&self.variable))
    }

    /// The same, or from its lower-case form.
    pub(super) fn is_read_from(&self, name: &str) -> bool {
        self.has_name(name) || self.variable.to_lowercase() == name
    }

    /// The names that may be meant, each with ours for it: a flag of one word would resemble too much.
    fn forms(&self) -> Vec<(String, String)> {
        let mut ours = vec![self.variable.clone()];
        ours.extend(self.is_secret.then(|| format!("{}_FILE", self.variable)));
        let flag = self.flag.contains('_').then(|| (self.flag.clone(), self.variable.clone()));
        ours.into_iter().map(|name| (name.clone(), name)).chain(flag).collect()
    }
}

/// The name of ours that a name, in capital letters, is closest to.
pub(super) fn closest(name: &str, ours: &[Setting]) -> Option<String> {
    let forms: Vec<(String, String)> = ours.iter().flat_map(Setting::forms).collect();
    let resembling = forms.iter().filter(|(form, _)| resembles(name, form));
    let by_spelling = resembling.min_by_key(|(form, _)| strsim::damerau_levenshtein(name, form));
    let by_words = || {
        let close = forms.iter().filter_map(|form| Some((differing_words(name, &form.0)?, form)));
        close.min_by_key(|(differing, _)| *differing).map(|(_, form)| form)
    };
    by_spelling.or_else(by_words).map(|(_, our)| our.clone())
}

/// Whether a name, in capital letters, is so close to ours that no part of it can be a value: hardly misspelt, or made of words
/// of our names.
pub(super) fn is_close(name: &str, ours: &[Setting]) -> bool {
    let forms: Vec<String> = ours.iter().flat_map(Setting::forms).map(|(form, _)| form).collect();
    let is_word_of_ours = |word: &String| {
        forms.iter().any(|form| words(form).contains(word))
            || SYNONYMS.iter().any(|same| same.first() == Some(&word.as_str()))
    };
    forms.iter().any(|form| is_misspelt(name, form)) || words(name).iter().all(is_word_of_ours)
}

/// The flag that a word is a misspelling of, of a command or one below it.
pub(super) fn closest_flag(word: &str, command: &Command) -> Option<String> {
    let name = word.trim_start_matches('-').to_lowercase().replace('_', "-");
    let flags = flags_of(command).into_iter().filter(|flag| is_misspelt(&name, flag));
    flags.min_by_key(|flag| strsim::damerau_levenshtein(&name, flag))
}

fn flags_of(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(flags_of)).collect()
}

/// One letter away, or two in a long name.
pub(super) fn is_misspelt(name: &str, our: &str) -> bool {
    let most = if name.len().min(our.len()) >= LONG_NAME { 2 } else { 1 };
    strsim::damerau_levenshtein(name, our) <= most
}

/// Misspelt; or a word at the end is written out, or cut off: `PASSWORD` and `PASS`.
fn resembles(name: &str, our: &str) -> bool {
    let rest = name.strip_prefix(our).or_else(|| our.strip_prefix(name));
    let word = rest.is_some_and(|rest| rest.len() <= LONGEST_REST && !rest.contains('_'));
    name.len().min(our.len()) >= SHORTEST_TO_GUESS && (word || is_misspelt(name, our))
}

/// In how many words two names differ that are close; `None`: they are not.
fn differing_words(name: &str, our: &str) -> Option<usize> {
    let (theirs, ours): (Vec<String>, Vec<String>) = (words(name), words(our));
    let (missing, more) = (without(&ours, &theirs), without(&theirs, &ours));
    if missing.is_empty() && more.is_empty() {
        return (theirs.len() > 1 || name.len() >= SHORTEST_TO_GUESS).then_some(0);
    }
    if theirs.len() < 2 || ours.len() < 2 || theirs.first() != ours.first() {
        return None;
    }
    let is_credential = theirs.last().is_some_and(|word| CREDENTIALS.contains(&word.as_str()));
    let is_beginning = ours.starts_with(&theirs);
    match (missing.as_slice(), more.as_slice()) {
        ([], [one]) if !ASIDE.contains(&one.as_str()) => Some(1),
        (_, []) if is_beginning && is_credential => None,
        (several, []) if is_beginning || several.len() == 1 => Some(several.len()),
        _ => None,
    }
}

/// The words of a name, each as the one that stands for it.
fn words(name: &str) -> Vec<String> {
    name.split('_').filter(|word| !word.is_empty()).map(|word| standard(&singular(word))).collect()
}

fn singular(word: &str) -> String {
    match word.strip_suffix("IES") {
        Some(stem) if stem.len() > 1 => format!("{stem}Y"),
        _ if word.len() > 3 && !word.ends_with("SS") => word.strip_suffix('S').unwrap_or(word).to_owned(),
        _ => word.to_owned(),
    }
}

fn standard(word: &str) -> String {
    let same = SYNONYMS.iter().find(|same| same.contains(&word));
    same.and_then(|same| same.first()).map_or_else(|| word.to_owned(), |first| (*first).to_owned())
}

/// The words of `some` that `others` has not.
fn without(some: &[String], others: &[String]) -> Vec<String> {
    let mut left = others.to_vec();
    let is_missing = |word: &&String| match left.iter().position(|other| other == *word) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    some.iter().filter(is_missing).cloned().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::config) fn setting(variable: &str) -> Setting {
        Setting { variable: variable.to_owned(), flag: variable.to_owned(), is_secret: false }
    }

    /// The settings of a program, as its page has them.
    pub(in crate::config) fn settings_of(program: &str) -> Vec<Setting> {
        let page = include_str!("../../../docs/configuration.md");
        let (_, table) = page.split_once(&format!("<!-- configuration of {program} -->")).unwrap();
        let rows = table.split("<!-- end -->").next().unwrap().lines().filter(|line| line.starts_with("| `--"));
        let cell = |row: &str, number| row.split('|').nth(number).unwrap().trim().trim_matches('`').to_owned();
        let setting = |row| Setting {
            variable: cell(row, 2),
            flag: cell(row, 1).trim_start_matches('-').to_uppercase().replace('-', "_"),
            is_secret: ["SECRET_KEY", "ADMIN_PASS", "AMQP_URI"].contains(&cell(row, 2).as_str()),
        };
        rows.map(setting).filter(|setting: &Setting| !setting.variable.is_empty()).collect()
    }

    #[test]
    fn a_name_resembles_ours_by_a_character_or_by_a_word_cut_off_or_written_out() {
        for (name, our) in
            [("ADMIN_PASSWORD", "ADMIN_PASS"), ("ADMIN_PAS", "ADMIN_PASS"), ("EMAIL_ADDR", "EMAIL_ADDRESS")]
        {
            assert!(resembles(name, our), "{name}");
        }
        for (name, our) in [("EMAIL_HOST_OLD", "EMAIL_HOST"), ("LOG_DIRECTORY", "LOG_DIR"), ("PORTS", "PORT")] {
            assert!(!resembles(name, our), "{name}");
        }
    }

    #[test]
    fn a_misspelt_name_leads_to_the_setting_that_is_meant() {
        for (program, name, our) in [
            ("bank-service", "APP_ENVIRONMENT", "APP_ENV"),
            ("bank-service", "TLS_CERT_FILE", "TLS_CERT"),
            ("bank-service", "TRUSTED_PROXY", "TRUSTED_PROXIES"),
            ("bank-service", "LOG_LEVEL", "RUST_LOG"),
            ("log-service", "MONGODB_DATABASE", "MONGODB_NAME"),
            ("log-service", "MONGO_URI", "MONGODB_URI"),
            ("bank-service", "RATE_LOGIN", "RATE_LOGIN_PER_MINUTE"),
            ("bank-service", "LOGIN_RATE_PER_MINUTE", "RATE_LOGIN_PER_MINUTE"),
            ("email-service", "EMAIL_FROM_ADDRESS", "EMAIL_FROM"),
            ("email-service", "EMAIL_PASSWORD", "EMAIL_APP_PASSWORD"),
            ("bank-standalone", "EMAIL_FROM_ADDRESS", "EMAIL_FROM"),
            ("bank-service", "CORS_ALLOWED_ORIGINS", "CORS_ORIGINS"),
            ("bank-service", "CORS_ORIGIN", "CORS_ORIGINS"),
            ("bank-service", "DB_URL", "DATABASE_URL"),
            ("bank-service", "KEY_SECRET", "SECRET_KEY"),
            ("bank-service", "WORKER", "WORKERS"),
            ("bank-service", "SECRET_KEY_FLIE", "SECRET_KEY_FILE"),
            ("bank-service", "SECRET_KYE", "SECRET_KEY"),
            ("bank-service", "LOGLEVEL", "RUST_LOG"),
            ("bank-service", "JWKS_URI", ""),
            ("log-service", "JWKS_URI", "JWKS_URL"),
            ("bank-service", "ACCESS_TOKEN", ""),
            ("log-service", "LOG_BIND_OLD", ""),
            ("log-service", "RETENTION", ""),
        ] {
            assert_eq!(closest(name, &settings_of(program)).unwrap_or_default(), our, "{name} of {program}");
        }
    }

    #[test]
    fn a_name_is_close_if_it_is_hardly_misspelt_or_made_of_our_words() {
        let ours = settings_of("bank-service");
        for name in ["SECRET_KYE", "SECRET_KEYS", "APP_ENVIRONMENT", "TLS_CERT_FILE", "RATE_LOGIN", "ADMIN_PASSWORD"] {
            assert!(is_close(name, &ours), "{name}");
        }
        for name in ["SECRET_KEY_HUNTER2", "ADMIN_PASSHUNT", "CORS_ALLOWED_ORIGINS", "HUNTER2"] {
            assert!(!is_close(name, &ours), "{name}");
        }
    }

    #[test]
    fn a_flag_is_guessed_if_it_is_hardly_misspelt() {
        let flags = ["admin-pass", "trusted-proxies"].map(|flag| Arg::new(flag).long(flag));
        let command =
            Command::new("test").subcommand(Command::new("serve").args(flags)).arg(Arg::new("tls").long("tls"));
        for (word, flag) in [
            ("--admin_pass", Some("admin-pass")),
            ("--trusted-proxis", Some("trusted-proxies")),
            ("--tsl", Some("tls")),
            ("--admin-pass-hunter", None),
            ("--hunter", None),
            ("--admin", None),
            ("", None),
        ] {
            assert_eq!(closest_flag(word, &command).as_deref(), flag, "{word}");
        }
    }
}
