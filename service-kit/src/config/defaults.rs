//! The defaults of options, which stand in the declaration of each option alone.

use clap::{Args, Command};

/// The options without a command line, whatever the environment says.
///
/// # Panics
/// If an option is required: options that are made in code have a default each.
#[expect(clippy::expect_used, reason = "a required option is a fault of the declaration, in every run or in none")]
pub fn defaults<T: Args>() -> T {
    let command = T::augment_args(Command::new("defaults")).mut_args(|arg| arg.env(None::<&str>));
    let read = command.try_get_matches_from(["defaults"]).and_then(|matches| T::from_arg_matches(&matches));
    read.expect("every option has a default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Args)]
    struct Options {
        /// Set in the environment of every test.
        #[arg(long, env = "PATH", default_value = "of the declaration", global = true)]
        text: String,
        #[arg(long, env = "CARGO_MANIFEST_DIR")]
        none: Option<String>,
    }

    #[test]
    fn a_default_is_that_of_the_declaration_and_no_variable_changes_it() {
        assert_eq!(defaults::<Options>(), Options { text: "of the declaration".to_owned(), none: None });
    }
}
