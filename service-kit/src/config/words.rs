//! The words of a command line, and the arguments of its definition that they belong to.

use std::ffi::OsString;
use std::ops::Range;

use clap::{Arg, Command};

/// A word and its place, counted from 1 behind the program's name.
pub(super) type Word = (usize, OsString);

/// The end of the words that follow one and are neither flags nor commands.
pub(super) fn end_of_words(command: &Command, words: &[Word], at: usize, most: usize) -> usize {
    let is_loose = |(_, word): &&Word| {
        let word = word.to_string_lossy();
        !word.starts_with('-') && command.find_subcommand(word.as_ref()).is_none()
    };
    let loose = words.iter().skip(at.saturating_add(1)).take(most).take_while(is_loose).count();
    at.saturating_add(1).saturating_add(loose)
}

/// Whether a word looks like a flag and is none.
pub(super) fn is_dashed_value(command: &Command, words: &[Word], at: usize) -> bool {
    let Some(word) = words.get(at).and_then(|(_, word)| word.to_str()) else { return false };
    let is_flag = |word: &str| {
        let name = word.split('=').next().unwrap_or_default();
        find(command, &|arg| arg.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))).is_some()
    };
    word.len() > 2 && word.starts_with('-') && word != "--help" && word != "--version" && !is_flag(word)
}

/// The last words that give an argument its value, if so asked this one: `--flag value`, `--flag=value`, or the value alone.
pub(super) fn words_with(arg: &Arg, words: &[Word], value: Option<&str>) -> Range<usize> {
    let is_value = |at: usize, given: &str| words.get(at).is_some_and(|(_, word)| word.to_string_lossy() == given);
    let Some(flag) = arg.get_long().map(|long| format!("--{long}")) else {
        let at = value.and_then(|given| (1..words.len()).rev().find(|at| is_value(*at, given)));
        return at.map_or(0..0, |at| at..at.saturating_add(1));
    };
    let mut found = 0..0;
    for (at, (_, word)) in words.iter().enumerate().skip(1) {
        let word = word.to_string_lossy();
        let behind = at.saturating_add(1);
        let attached = word.strip_prefix(&flag).and_then(|rest| rest.strip_prefix('='));
        let fits = |given: &str| value.is_none_or(|value| value == given);
        let here = match attached {
            Some(given) if fits(given) => at..behind,
            None if word == flag.as_str() => {
                let next = words.get(behind).map(|(_, next)| next.to_string_lossy());
                let takes_next = arg.get_action().takes_values() && next.is_some_and(|next| fits(&next));
                at..if takes_next { behind.saturating_add(1) } else { behind }
            }
            _ => continue,
        };
        found = here;
    }
    found
}

/// The flag at a place, if it is one that the next word is the value of.
pub(super) fn flag_with_value(command: &Command, words: &[Word], at: usize) -> Option<Arg> {
    let (_, word) = words.get(at).filter(|_| at > 0)?;
    let long = word.to_str()?.strip_prefix("--")?;
    find(command, &|arg| arg.get_long() == Some(long)).filter(|arg| arg.get_action().takes_values())
}

/// An argument of a command, or of a command below it.
pub(super) fn find(command: &Command, is_it: &dyn Fn(&Arg) -> bool) -> Option<Arg> {
    let own = command.get_arguments().find(|arg| is_it(arg)).cloned();
    own.or_else(|| command.get_subcommands().find_map(|inner| find(inner, is_it)))
}

/// Whether clap means this argument by `--flag <NAME>`, or by `<NAME>` or `[NAME]`.
pub(super) fn is_named(arg: &Arg, named: &str) -> bool {
    match (named.strip_prefix("--"), arg.get_long()) {
        (Some(named), Some(long)) => named.split([' ', '=', '[']).next() == Some(long),
        (None, None) => named.split(['<', '>', '[', ']']).nth(1) == Some(&*value_name(arg)),
        _ => false,
    }
}

/// As one would write it: `--flag`, or `<NAME>` of a value without.
pub(super) fn shown(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| format!("<{}>", value_name(arg)), |long| format!("--{long}"))
}

/// clap's own text of an argument needs a command that was built, which those below it may not be.
pub(super) fn value_name(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    name.unwrap_or_else(|| arg.get_id().as_str().to_uppercase())
}

pub(super) fn place(words: &[Word], at: usize) -> usize {
    words.get(at).map_or(at, |(place, _)| *place)
}
