//! `--help` of the four binaries, parsed into a table.

use std::process::Command;

use crate::binaries;

pub(crate) const BINARIES: [&str; 4] = ["bank-standalone", "bank-service", "log-service", "email-service"];

/// A flag as `--help` shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) flag: String,
    pub(crate) variable: String,
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// The flags of a binary, in their order.
pub(crate) fn settings(binary: &str) -> Vec<Setting> {
    let folder = tempfile::tempdir().unwrap();
    // So wide that no line is wrapped; without an environment, which would be shown.
    let mut command = Command::new(binaries::path(binary));
    command.arg("--help").env_clear().env("COLUMNS", "9999").current_dir(folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{binary}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().filter_map(setting).collect()
}

fn setting(line: &str) -> Option<Setting> {
    let (flag, mut meaning) = line.trim_start().strip_prefix("--")?.split_once("  ")?;
    let name = flag.split_whitespace().next()?;
    meaning = meaning.trim();
    let mut add = |name: &str| {
        let (before, value) = meaning.rsplit_once(&format!("[{name}: "))?;
        let value = value.strip_suffix(']')?;
        meaning = before.trim_end();
        Some(value.to_owned())
    };
    let values = add("possible values");
    let default = add("default").unwrap_or_default();
    let variable = add("env").unwrap_or_default();
    let meaning = match values {
        Some(values) => format!("{meaning} ({values})"),
        None => meaning.to_owned(),
    };
    let variable = variable.trim_end_matches('=').to_owned();
    Some(Setting { flag: format!("--{name}"), variable, default: default.trim_matches('"').to_owned(), meaning })
}

#[test]
fn a_line_of_help_is_read_back() {
    let line = "      --log-format <F>  Form of lines [env: LOG_FORMAT=] [default: text] [possible values: text, json]";
    let expected = Setting {
        flag: "--log-format".to_owned(),
        variable: "LOG_FORMAT".to_owned(),
        default: "text".to_owned(),
        meaning: "Form of lines (text, json)".to_owned(),
    };
    assert_eq!(setting(line), Some(expected));
    assert_eq!(setting("  -h, --help  Print help"), None);
}

#[test]
fn the_all_in_one_binary_takes_every_setting_of_money_that_bank_service_takes() {
    let [all_in_one, bank] = ["bank-standalone", "bank-service"].map(settings);
    let source = include_str!("../../../../bank-service/src/config/money.rs");
    let variables: Vec<&str> =
        source.lines().filter_map(|line| line.split_once("env = \"")?.1.split('"').next()).collect();
    assert!(variables.len() > 5, "{variables:?}");
    for variable in variables {
        let of = |binary: &[Setting]| binary.iter().position(|setting| setting.variable == variable);
        let (Some(here), Some(there)) = (of(&all_in_one), of(&bank)) else { panic!("{variable} is missing") };
        assert_eq!(all_in_one[here], bank[there]);
    }
}

#[test]
fn help_of_the_all_in_one_binary_names_every_flag_with_its_variable() {
    let source = include_str!("../../src/options.rs");
    let fields = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub(crate) "));
    // A group of options lists its flags elsewhere.
    let fields = fields.filter(|field| !field.ends_with("Options,"));
    let fields: Vec<&str> = fields.filter_map(|field| field.split_once(':')).map(|(name, _)| name).collect();
    let settings = settings("bank-standalone");
    assert!(fields.len() > 10);
    for field in fields {
        let flag = format!("--{}", field.replace('_', "-"));
        let found = settings.iter().find(|setting| setting.flag == flag);
        let found = found.unwrap_or_else(|| panic!("{flag} is not in --help"));
        assert!(!found.variable.is_empty() || flag == "--demo", "{found:?}");
    }
}
