//! Values of variables that clap would refuse: told by the variable's name and its line in `.env`, in the form of [`Faults`].
//! clap tells of the flag and shows the value, a secret too.
//!
//! Such a value is kept away from clap. It is a fault once the command line is read, unless a flag there takes its place.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::OsStr;
use std::net::SocketAddr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::faults::{ConfigError, Faults, without_login};

/// A fault of what the environment or `.env` says of one setting.
#[derive(Debug)]
pub(super) struct Refused {
    /// The subcommands that lead to the setting.
    pub(super) path: Vec<String>,
    pub(super) id: clap::Id,
    pub(super) fault: String,
}

impl Refused {
    fn counts(&self, mut matches: &ArgMatches) -> bool {
        for name in &self.path {
            match matches.subcommand() {
                Some((chosen, inner)) if chosen == name => matches = inner,
                _ => return false,
            }
        }
        matches.value_source(self.id.as_str()) != Some(ValueSource::CommandLine)
    }
}

/// All faults that no flag makes up for.
pub(super) fn finish(refused: Vec<Refused>, matches: &ArgMatches) -> Result<(), ConfigError> {
    let mut faults = Faults::new();
    for refused in refused.into_iter().filter(|refused| refused.counts(matches)) {
        faults.add(refused.fault);
    }
    faults.finish()
}

/// What is wrong with a value that `origin` gives a setting; `None`: clap takes it.
pub(super) fn fault_of(arg: &Arg, origin: &str, value: &OsStr) -> Option<String> {
    let alone =
        Arg::new("value").value_parser(arg.get_value_parser().clone()).value_delimiter(arg.get_value_delimiter());
    let command = Command::new("value").no_binary_name(true).arg(alone);
    // Behind the dashes nothing is taken for a flag.
    let error = command.try_get_matches_from([OsStr::new("--"), value]).err()?;
    let expected = expected(arg);
    if arg.is_hide_env_values_set() {
        return Some(format!("{origin}: the value is not valid; expected {expected}"));
    }
    let shown = without_login(&value.to_string_lossy());
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    Some(format!("{origin}: {shown:?} is not valid{cause}; expected {expected}"))
}

fn expected(arg: &Arg) -> String {
    let parser = arg.get_value_parser();
    if let Some(values) = parser.possible_values() {
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        return format!("one of {}", names.join(", "));
    }
    let given = parser.type_id();
    let numbers =
        [TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()];
    let text = if numbers.iter().any(|number| given == *number) {
        "a whole number"
    } else if given == TypeId::of::<SocketAddr>() {
        "an IP address and a port, such as 127.0.0.1:5000"
    } else {
        "a text in UTF-8"
    };
    text.to_owned()
}
