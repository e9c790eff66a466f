//! Reads the command line and reports all its faults; clap stops at the first.
//!
//! A wrong word is recorded and left out, and the rest is read again. No fault shows a word that may be a value, as clap's own
//! texts do: a shell passes a password with a blank in it as two words. Such a word is named by its place.

use std::ffi::OsString;
use std::ops::Range;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command};

use super::guesses::{closest_flag, is_misspelt};
use super::refused::{expected, invalid, is_text};
use super::words::{
    Word, end_of_words, find, flag_with_value, is_dashed_value, is_named, place, shown, value_name, words_with,
};

const HELP: &str = "see --help";

/// The arguments that could be read, and the others' faults.
#[derive(Debug)]
pub(super) struct CommandLine {
    /// None: it is not clear which command is meant, and so not what it needs.
    pub(super) matches: Option<ArgMatches>,
    pub(super) faults: Vec<LineFault>,
}

/// A fault of one argument.
#[derive(Debug)]
pub(super) struct LineFault {
    /// The argument that it is a fault of: `--flag`, or `<NAME>` of a value without.
    pub(super) argument: Option<String>,
    /// The fault alone, or a whole sentence without an argument.
    pub(super) text: String,
}

/// A fault, and the words that have it; none: nothing can be left out to go on.
struct Finding {
    fault: LineFault,
    words: Range<usize>,
}

impl Finding {
    fn new(text: impl Into<String>, words: Range<usize>) -> Self {
        Self { fault: LineFault { argument: None, text: text.into() }, words }
    }

    fn of(arg: &Arg, text: String, words: Range<usize>) -> Self {
        Self { fault: LineFault { argument: Some(shown(arg)), text }, words }
    }
}

/// Reads the command line. The error asks for the help or the version.
pub(super) fn read(
    command: &mut Command,
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<CommandLine, clap::Error> {
    let mut words: Vec<Word> = args.into_iter().map(Into::into).enumerate().collect();
    let mut faults = Vec::new();
    // Each round leaves out at least one word.
    for _ in 0..=words.len() {
        let error = match parsed(command, &words) {
            Ok(matches) => return Ok(CommandLine { matches: Some(matches), faults }),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::MissingRequiredArgument && is_known(&error, &faults) {
            break;
        }
        let found =
            if error.use_stderr() { Some(finding(command, &words, &error)) } else { false_help(command, &words) };
        let Some(Finding { fault, words: wrong }) = found else { return Err(error) };
        faults.push(fault);
        if wrong.is_empty() {
            break;
        }
        let end = wrong.end.min(words.len());
        words.drain(wrong.start.min(end)..end);
    }
    Ok(CommandLine { matches: None, faults })
}

/// Whether what is missing was left out for a fault of its own.
fn is_known(error: &clap::Error, faults: &[LineFault]) -> bool {
    let missing = listed(error, ContextKind::InvalidArg);
    let has_fault = |name: &str| {
        let of_it = |fault: &LineFault| fault.argument.as_deref().is_some_and(|argument| name.starts_with(argument));
        faults.iter().any(of_it)
    };
    missing.split(", ").all(has_fault)
}

/// Any text will do, as far as is known here; its name says more.
fn expected_or_name(arg: &Arg) -> String {
    if is_text(arg) { value_name(arg) } else { expected(arg) }
}

fn parsed(command: &mut Command, words: &[Word]) -> Result<ArgMatches, clap::Error> {
    command.try_get_matches_from_mut(words.iter().map(|(_, word)| word))
}

/// A word that asks for the help by its first letter alone: `-hunter2`.
fn false_help(command: &Command, words: &[Word]) -> Option<Finding> {
    let requests_help = |(_, word): &Word| ["--help", "-h", "help", "--version", "-V"].iter().any(|help| word == help);
    if words.iter().skip(1).any(requests_help) {
        return None;
    }
    let is_cluster = |(_, word): &Word| word.to_string_lossy().starts_with(['-']) && word.len() > 2;
    let at = words.iter().skip(1).position(is_cluster)?.saturating_add(1);
    Some(unexpected_flag(command, words, at, ""))
}

fn finding(command: &mut Command, words: &[Word], error: &clap::Error) -> Finding {
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => unexpected(command, words, error),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues => value(command, words, error),
        ErrorKind::ArgumentConflict => conflict(command, words, error),
        ErrorKind::InvalidUtf8 => not_text(command, words),
        ErrorKind::MissingRequiredArgument => {
            Finding::new(format!("{}: missing; {HELP}", listed(error, ContextKind::InvalidArg)), 0..0)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Finding::new(format!("a command is missing at the end; {HELP}"), 0..0)
        }
        _ => Finding::new(format!("the command line cannot be understood; {HELP}"), 0..0),
    }
}

/// A flag that there is not, or a word where none is expected.
fn unexpected(command: &mut Command, words: &[Word], error: &clap::Error) -> Finding {
    let word = text(error, ContextKind::InvalidArg).or_else(|| text(error, ContextKind::InvalidSubcommand));
    let Some(at) = word.and_then(|word| place_of(command, words, word, error)) else {
        return Finding::new(format!("an argument was not expected; {HELP}"), 0..0);
    };
    let word = word.unwrap_or_default();
    if !word.starts_with('-') {
        return unexpected_word(command, words, at, error);
    }
    unexpected_flag(command, words, at, word)
}

fn unexpected_flag(command: &Command, words: &[Word], at: usize, word: &str) -> Finding {
    if let Some(arg) = at.checked_sub(1).and_then(|before| flag_with_value(command, words, before)) {
        return missing_behind_dash(&arg, at.saturating_sub(1));
    }
    let is_of_another = word.strip_prefix("--").is_some_and(|name| is_flag(command, name));
    // A word that resembles no flag may be a value.
    let text = match closest_flag(word, command) {
        Some(_) if is_of_another => format!("{word}: unexpected, the flag is one of another command; {HELP}"),
        Some(flag) => format!("{word}: unexpected, there is no such flag; did you mean --{flag}?; {HELP}"),
        None => format!("argument {}: unexpected, there is no such flag; {HELP}", place(words, at)),
    };
    // The value of an unknown flag is no fault of its own.
    let has_value = words.get(at).is_some_and(|(_, word)| word.to_string_lossy().contains('='));
    let end = if has_value { at } else { end_of_words(command, words, at, 1) };
    Finding::new(text, at..end.max(at.saturating_add(1)))
}

/// Whether a command, or one below it, has the flag.
fn is_flag(command: &Command, name: &str) -> bool {
    find(command, &|arg| arg.get_long() == Some(name)).is_some()
}

/// A flag at a place whose value was taken for another flag.
fn missing_behind_dash(arg: &Arg, at: usize) -> Finding {
    let text = format!("the value is missing; one that begins with a dash is written {}=VALUE", shown(arg));
    Finding::of(arg, text, at..at.saturating_add(2))
}

fn unexpected_word(command: &Command, words: &[Word], at: usize, error: &clap::Error) -> Finding {
    let place = place(words, at);
    let word = words.get(at).map(|(_, word)| word.to_string_lossy()).unwrap_or_default();
    let commands = listed(error, ContextKind::SuggestedSubcommand);
    // clap also suggests names that have hardly a character in common.
    let is_close = |name: &&str| !name.is_empty() && is_misspelt(name, &word);
    if let Some(meant) = commands.split(", ").find(is_close) {
        return Finding::new(format!("argument {place}: not a command; did you mean {meant}?"), 0..0);
    }
    let text = format!(
        "argument {place}: an argument was not expected here; a value with blanks in it goes in quotes; {HELP}"
    );
    Finding::new(text, at..end_of_words(command, words, at, usize::MAX).max(at.saturating_add(1)))
}

/// A value that the argument cannot have, or none where one is needed.
fn value(command: &Command, words: &[Word], error: &clap::Error) -> Finding {
    let named = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let given = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let Some(arg) = find(command, &|arg| is_named(arg, named)) else {
        return Finding::new(format!("a value is not valid; {HELP}"), 0..0);
    };
    let words_of = words_with(&arg, words, Some(given));
    let is_missing = error.kind() == ErrorKind::InvalidValue
        && given.is_empty()
        && words_of.len() == 1
        && !words.get(words_of.start).is_some_and(|(_, word)| word.to_string_lossy().contains('='));
    if is_missing && is_dashed_value(command, words, words_of.end) {
        return missing_behind_dash(&arg, words_of.start);
    }
    let text = match error.kind() {
        ErrorKind::TooManyValues => format!("takes no value; {HELP}"),
        _ if is_missing => format!("the value is missing; expected {}", expected_or_name(&arg)),
        _ => invalid(&arg, error),
    };
    Finding::of(&arg, text, words_of)
}

fn conflict(command: &Command, words: &[Word], error: &clap::Error) -> Finding {
    let named = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let others = listed(error, ContextKind::PriorArg);
    let text =
        if others == named { "given more than once".to_owned() } else { format!("cannot be used with {others}") };
    match find(command, &|arg| is_named(arg, named)) {
        Some(arg) => {
            let words = words_with(&arg, words, None);
            Finding::of(&arg, format!("{text}; {HELP}"), words)
        }
        None => Finding::new(format!("{named}: {text}; {HELP}"), 0..0),
    }
}

fn not_text(command: &Command, words: &[Word]) -> Finding {
    let Some(at) = words.iter().position(|(_, word)| word.to_str().is_none()) else {
        return Finding::new(format!("an argument is not a text in UTF-8; {HELP}"), 0..0);
    };
    let behind = at.saturating_add(1);
    match at.checked_sub(1).and_then(|before| flag_with_value(command, words, before)) {
        Some(arg) => {
            let text = "the value is not valid; expected a text in UTF-8".to_owned();
            Finding::of(&arg, text, at.saturating_sub(1)..behind)
        }
        None => Finding::new(format!("argument {}: not valid; expected a text in UTF-8", place(words, at)), at..behind),
    }
}

/// The place of a word in which clap ends: it reads from the left, so the words up to it have the same fault.
fn place_of(command: &mut Command, words: &[Word], word: &str, error: &clap::Error) -> Option<usize> {
    let is_it = |given: &str| {
        let is_short = word.len() == 2 && !word.starts_with("--") && given.starts_with('-') && !given.starts_with("--");
        given == word || given.strip_prefix(word).is_some_and(|rest| rest.starts_with('=')) || is_short
    };
    (1..words.len()).find(|at| {
        let candidate = words.get(*at).is_some_and(|(_, given)| is_it(&given.to_string_lossy()));
        candidate
            && words.get(..=*at).is_some_and(|words| {
                parsed(command, words).is_err_and(|same| {
                    same.kind() == error.kind()
                        && [ContextKind::InvalidArg, ContextKind::InvalidSubcommand]
                            .iter()
                            .all(|kind| text(&same, *kind) == text(error, *kind))
                })
            })
    })
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

/// Names from the definition of the command line, never from what was given.
fn listed(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}
