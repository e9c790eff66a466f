//! A command line with variables and a file `.env`, read as a whole.

use super::*;
use crate::config::{AppEnv, Secret};

#[derive(Debug, Parser)]
struct Settings {
    #[arg(long, env = "SERVICE_KIT_TEST_BIND", default_value = "127.0.0.1:0")]
    bind: String,
    #[arg(long, env = "SERVICE_KIT_TEST_KEY", hide_env_values = true)]
    key: Secret,
    #[arg(long, env = "SERVICE_KIT_TEST_OTHER", hide_env_values = true)]
    other: Option<Secret>,
}

/// In the environment of this process.
fn settings(args: &[&str]) -> Result<Settings, ConfigError> {
    match read(VARIABLES.get_or_init(Variables::read), args, &mut Vec::new()) {
        Ok((Parsed { options, faults }, _)) => faults.finish().map(|()| options),
        Err(Unread::Refused(error)) => Err(error),
        Err(Unread::Help(help)) => panic!("{help}"),
    }
}

#[test]
fn flags_and_defaults_are_read() {
    let settings = settings(&["test", "--key", "k"]).unwrap();
    assert_eq!((settings.bind.as_str(), settings.key.expose()), ("127.0.0.1:0", "k"));
    assert!(settings.other.is_none());
}

#[derive(Debug, Parser)]
struct Typed {
    #[arg(long, env = "SERVICE_KIT_TEST_PORT", default_value_t = 1)]
    port: u16,
    #[arg(long, env = "SERVICE_KIT_TEST_MODE", value_enum, global = true)]
    mode: Option<AppEnv>,
    #[arg(long, env = "SERVICE_KIT_TEST_PIN", hide_env_values = true)]
    pin: Option<u32>,
    #[arg(long, env = "SERVICE_KIT_TEST_PASS", hide_env_values = true)]
    pass: Option<Secret>,
    #[arg(long, env = "SERVICE_KIT_TEST_URL", hide_env_values = true)]
    url: Option<Secret>,
    #[arg(long)]
    demo: bool,
    #[command(subcommand)]
    run: Option<Run>,
}

#[derive(Debug, clap::Subcommand)]
enum Run {
    Now {
        #[arg(long, env = "SERVICE_KIT_TEST_AT")]
        at: Option<std::net::SocketAddr>,
    },
    Later {
        #[arg(long, required_unless_present = "forever")]
        day: Option<i64>,
        #[arg(long, conflicts_with = "day")]
        forever: bool,
    },
}

/// The faults of single values, as far as the command line can be understood.
fn typed(process: &[(&str, &str)], file: &str, args: &[&str]) -> Result<Typed, String> {
    let args = std::iter::once("test").chain(args.iter().copied());
    match read(&Variables::of(process, file), args, &mut Vec::new()) {
        Ok((Parsed { options, faults }, _)) => faults.finish().map(|()| options).map_err(|error| error.to_string()),
        Err(Unread::Refused(error)) => Err(error.to_string()),
        Err(Unread::Help(error)) => panic!("{error}"),
    }
}

#[test]
fn faults_of_values_name_variable_flag_and_line_all_at_once_and_show_no_value() {
    let process = [("SERVICE_KIT_TEST_PORT", "abc"), ("SERVICE_KIT_TEST_PIN", "hunter2")];
    let file = "\nSERVICE_KIT_TEST_MODE=prodd\nSERVICE_KIT_TEST_AT=nowhere";
    let text = typed(&process, file, &["--nope", "hunter2", "--demo=hunter2", "--pin", "hunter2"]).unwrap_err();
    for line in [
        "\n  argument 1: unexpected, there is no such flag; see",
        "\n  --demo: takes no value; see --help",
        "\n  SERVICE_KIT_TEST_PORT: the value is not valid (invalid digit found in string); expected a whole number",
        "\n  SERVICE_KIT_TEST_MODE (.env, line 2): the value is not valid; expected one of development, testing, staging, production",
        "\n  SERVICE_KIT_TEST_PIN (--pin): the value is not valid (invalid digit found in string); expected a whole number",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    // The setting of a subcommand that does not run, and the given values.
    let hidden = ["SERVICE_KIT_TEST_AT", "hunter2", "abc", "prodd"];
    assert!(hidden.iter().all(|hidden| !text.contains(hidden)) && text.lines().count() == 6, "{text}");
    let text = typed(&[("SERVICE_KIT_TEST_AT", "u:hunter2@h:1")], "", &["now"]).unwrap_err();
    assert!(text.contains("SERVICE_KIT_TEST_AT: the value is not valid") && !text.contains("hunter2"), "{text}");
    let text = typed(&[("SERVICE_KIT_TEST_PORT", "--help")], "", &[]).unwrap_err();
    assert!(text.contains("SERVICE_KIT_TEST_PORT: the value is not valid"), "{text}");
    let text = typed(&[], "", &["--port", "70000"]).unwrap_err();
    assert!(text.contains("(not in 0..=65535)") && !text.contains("70000"), "{text}");
}

#[test]
fn a_flag_takes_the_place_of_a_value_that_its_setting_cannot_have() {
    let process = [("SERVICE_KIT_TEST_PORT", "abc"), ("SERVICE_KIT_TEST_MODE", "prodd")];
    let read = typed(&process, "", &["--port", "2", "now", "--mode", "staging"]).unwrap();
    assert_eq!((read.port, read.mode), (2, Some(AppEnv::Staging)));
    assert!(read.pin.is_none() && matches!(read.run, Some(Run::Now { at: None })));
    // A fault in a flag's value names the flag.
    let text = typed(&process, "", &["--port", "x"]).unwrap_err();
    assert!(text.contains("SERVICE_KIT_TEST_PORT (--port): ") && text.contains("SERVICE_KIT_TEST_MODE: "), "{text}");
    assert_eq!(text.matches("SERVICE_KIT_TEST_PORT").count(), 1, "{text}");
}

#[derive(Debug, Parser)]
struct OfOldNames {
    #[arg(long, env = "AMQP_URI", hide_env_values = true)]
    amqp_uri: Option<Secret>,
    #[arg(long, env = "APP_ENV", value_enum)]
    app_env: Option<AppEnv>,
}

fn warnings_of<T: Parser>(process: &[(&str, &str)], file: &str, args: &[&str]) -> Vec<String> {
    let mut warnings = Vec::new();
    let args = std::iter::once("test").chain(args.iter().copied());
    read::<T>(&Variables::of(process, file), args, &mut warnings).unwrap();
    warnings
}

#[test]
fn a_variable_that_differs_from_its_flag_is_named_in_a_warning_and_not_as_the_value_that_is_used() {
    let process = [("RABBITMQ_HOST", "hunter2"), ("FLASK_ENV", "testing")];
    let flags = ["--amqp-uri", "amqp://u:hunter2@h", "--app-env", "testing"];
    assert_eq!(
        warnings_of::<OfOldNames>(&process, "app_env=staging", &flags),
        [
            "RABBITMQ_HOST says something else than --amqp-uri and is ignored",
            "app_env (.env, line 1) says something else than --app-env and is ignored",
        ]
    );
    let process = [("SERVICE_KIT_TEST_PORT", "1"), ("SERVICE_KIT_TEST_MODE", "testing")];
    let file = "SERVICE_KIT_TEST_AT=127.0.0.1:1\nSERVICE_KIT_TEST_PORT=2";
    let flags = ["--port", "2", "now", "--mode", "staging", "--at", "127.0.0.1:2"];
    let mut warnings = warnings_of::<Typed>(&process, file, &flags);
    warnings.sort_unstable();
    assert_eq!(
        warnings,
        [
            "SERVICE_KIT_TEST_AT (.env, line 1) says something else than --at and is ignored",
            "SERVICE_KIT_TEST_MODE says something else than --mode and is ignored",
            "SERVICE_KIT_TEST_PORT says something else than --port and is ignored",
        ]
    );
}

#[test]
fn an_old_name_with_a_value_that_ours_cannot_have_ends_the_start_unless_ours_is_set() {
    let read = |process: &[(&str, &str)], file: &str, args: &[&str]| {
        let args = std::iter::once("test").chain(args.iter().copied());
        match read::<OfOldNames>(&Variables::of(process, file), args, &mut Vec::new()) {
            Ok((Parsed { options, faults }, _)) => faults.finish().map(|()| options.app_env),
            Err(unread) => panic!("{unread:?}"),
        }
    };
    for value in ["prod", "Production", "PRODUCTION"] {
        let text = read(&[], &format!("FLASK_ENV={value}"), &[]).unwrap_err().to_string();
        let fault = "APP_ENV (FLASK_ENV, .env, line 1): the value is not valid; expected one of development, testing, staging, production";
        assert!(text.contains(fault), "{text}");
        let old = ("FLASK_ENV", value);
        assert!(read(&[old], "", &[]).unwrap_err().to_string().contains("APP_ENV (FLASK_ENV): "));
        assert_eq!(read(&[old, ("APP_ENV", "staging")], "", &[]), Ok(Some(AppEnv::Staging)));
        assert_eq!(read(&[old], "", &["--app-env", "staging"]), Ok(Some(AppEnv::Staging)));
    }
    assert_eq!(read(&[("FLASK_ENV", "test")], "", &[]), Ok(Some(AppEnv::Testing)));
}

#[test]
fn no_fault_of_the_command_line_shows_a_word_that_may_be_a_value() {
    let cases: [(&[&str], &[&str]); 21] = [
        (&["mysql://u:hunter2@h/y"], &["argument 1: an argument was not expected here", "quotes", "--help"]),
        (&["--pass", "correct", "hunter2", "battery"], &["argument 3: an argument was not expected here"]),
        (&["--pass", "hunter2", "hunter2"], &["argument 3: an argument was not expected here"]),
        (&["--pass", "correct", "home"], &["argument 3: an argument was not expected here", "quotes"]),
        (&["--pass"], &["(--pass): the value is missing; expected PASS"]),
        (&["later", "--day", "hunter2"], &["--day: the value is not valid"]),
        (&["--port", "mysql://u:hunter2@h/y"], &["(--port)", "a whole number"]),
        (&["--port=hunter2"], &["(--port)", "a whole number"]),
        (&["--port"], &["(--port): the value is missing", "a whole number"]),
        (&["--mode", "hunter2"], &["(--mode)", "one of development"]),
        (&["--pass", "--Hunter2"], &["(--pass): the value is missing; one that begins with a dash", "--pass=VALUE"]),
        (&["--pass", "-hunter2"], &["(--pass): the value is missing; one that begins with a dash"]),
        (&["--hunter2:x"], &["argument 1: unexpected", "--help"]),
        (&["--pas=hunter2"], &["--pas: unexpected", "did you mean --pass?"]),
        (&["--hunter"], &["argument 1: unexpected, there is no such flag; see --help"]),
        (&["--pass-hunter"], &["argument 1: unexpected, there is no such flag; see --help"]),
        (&["--url", "amqp://u:hunter?2@h"], &["SERVICE_KIT_TEST_URL (--url): has a /, ", "? as %3F"]),
        (&["--url=amqp://u:1/hunter@h"], &["SERVICE_KIT_TEST_URL (--url): has a /, ", "/ as %2F"]),
        (&["--port", "1", "--port", "2"], &["(--port): given more than once"]),
        (&["now", "--at", "hunter2"], &["SERVICE_KIT_TEST_AT (--at)", "HOST:PORT"]),
        (&["later", "--day", "hunter2", "--forever"], &["--day: the value is not valid", "a whole number"]),
    ];
    for (args, parts) in cases {
        let text = match typed(&[], "", args) {
            Err(text) => text,
            Ok(read) => panic!("{args:?} is taken: {read:?}"),
        };
        assert!(parts.iter().all(|part| text.contains(part)), "{args:?}: {text}");
        let shown = ["hunter", "Hunter", "correct", "battery", "mysql"];
        assert!(shown.iter().all(|word| !text.contains(word)), "{args:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
    }
}

#[test]
fn a_flag_of_another_command_is_not_suggested_in_its_own_place() {
    let text = typed(&[], "", &["now", "--forever"]).unwrap_err();
    assert!(text.contains("--forever: unexpected, the flag is one of another command; see --help"), "{text}");
    let text = typed(&[], "", &["now", "--foreverr"]).unwrap_err();
    assert!(text.contains("--foreverr: unexpected, there is no such flag; did you mean --forever?"), "{text}");
}

#[test]
fn an_address_with_an_unclear_login_is_refused_wherever_it_comes_from() {
    let url = ("SERVICE_KIT_TEST_URL", "mysql://u:hun/ter@2@h/b");
    for (process, file) in [(&[url][..], ""), (&[], "SERVICE_KIT_TEST_URL=mysql://u:hun/ter@2@h/b")] {
        let text = typed(process, file, &[]).unwrap_err();
        assert!(text.contains("SERVICE_KIT_TEST_URL") && text.contains(": has a /, "), "{text}");
        assert!(!text.contains("hun") && !text.contains("ter@"), "{text}");
    }
    assert!(typed(&[("SERVICE_KIT_TEST_URL", "mysql://u:hun%2Fter%402@h/b")], "", &[]).is_ok());
}

#[test]
fn a_broken_file_is_one_fault_beside_the_others() {
    let variables = Variables::broken(&[("SERVICE_KIT_TEST_PORT", "abc")], "line 2 is not UTF-8");
    let error = match read::<Typed>(&variables, ["test", "--nope"], &mut Vec::new()) {
        Ok((Parsed { faults, .. }, _)) => faults.finish().unwrap_err(),
        Err(unread) => panic!("{unread:?}"),
    };
    let faults = [".env cannot be read: line 2 ", "argument 1: ", "SERVICE_KIT_TEST_PORT: "];
    assert!(error.lines().iter().zip(faults).all(|(line, fault)| line.starts_with(fault)), "{error}");
    assert_eq!(error.lines().len(), faults.len());
}

#[test]
fn a_command_that_is_not_clear_ends_the_reading() {
    for (args, part) in [
        (&["noww"][..], "argument 1: not a command; did you mean now?"),
        (&["later"], "--day <DAY>: missing"),
        (&["later", "--day", "1", "--forever"], "cannot be used with"),
    ] {
        let text = typed(&[("SERVICE_KIT_TEST_PORT", "abc")], "", args).unwrap_err();
        assert!(text.contains(part), "{args:?}: {text}");
        assert!(text.contains("SERVICE_KIT_TEST_PORT: "), "{args:?}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_named_by_its_flag_or_its_place() {
    use std::os::unix::ffi::OsStrExt as _;
    let broken = OsStr::from_bytes(b"\xff").to_owned();
    for (before, part) in [("--pass", "SERVICE_KIT_TEST_PASS (--pass): "), ("--demo", "argument 2: ")] {
        let args = ["test".into(), before.into(), broken.clone()];
        let error = match read::<Typed>(&Variables::of(&[], ""), args, &mut Vec::new()) {
            Ok((Parsed { faults, .. }, _)) => faults.finish().unwrap_err(),
            Err(unread) => panic!("{unread:?}"),
        };
        let text = error.to_string();
        assert!(text.contains(part) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn a_missing_required_secret_is_named() {
    let error = settings(&["test"]).unwrap_err();
    assert!(error.to_string().contains("--key"), "{error}");
}

/// The environment of this process cannot be changed safely, so a child of it does the reading.
fn read_in_child(environment: &[(&str, &str)]) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "config::load::tests::child", "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "run by the tests below, in an environment of theirs"]
fn child() {
    match settings(&["test"]) {
        Ok(settings) => println!("key={} bind={}", settings.key.expose(), settings.bind),
        Err(error) => println!("{error}"),
    }
}

#[test]
fn a_secret_is_read_from_its_variable_or_from_the_file_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "from-file\n").unwrap();
    let path = path.to_str().unwrap();
    let file = ("SERVICE_KIT_TEST_KEY_FILE", path);
    assert!(read_in_child(&[("SERVICE_KIT_TEST_KEY", "from-variable")]).contains("key=from-variable"));
    let read = read_in_child(&[file, ("SERVICE_KIT_TEST_BIND", "here")]);
    assert!(read.contains("key=from-file bind=here"), "{read}");
    let both = read_in_child(&[file, ("SERVICE_KIT_TEST_KEY", "hush")]);
    assert!(both.contains("SERVICE_KIT_TEST_KEY_FILE are both set") && !both.contains("hush"), "{both}");
    let missing = read_in_child(&[("SERVICE_KIT_TEST_KEY_FILE", "/nowhere")]);
    assert!(missing.contains("SERVICE_KIT_TEST_KEY_FILE: the file cannot be read"), "{missing}");
    assert!(!missing.contains("/nowhere"), "{missing}");
}

#[test]
fn the_file_of_a_secret_counts_beside_its_variable_in_each_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uri");
    std::fs::write(&path, "amqp://hush@file\n").unwrap();
    let path = path.to_str().unwrap();
    let (named, in_file) = (("AMQP_URI_FILE", path), format!("\nAMQP_URI_FILE={path}"));
    let read = |process: &[(&str, &str)], file: &str| {
        let mut warnings = Vec::new();
        let (parsed, _) = read::<OfOldNames>(&Variables::of(process, file), ["test"], &mut warnings).unwrap();
        let uri = parsed.options.amqp_uri.map(|uri| uri.expose().to_owned());
        (parsed.faults.finish().map(|()| uri).map_err(|error| error.to_string()), warnings.join("\n"))
    };
    for (process, file, expected, ignored) in [
        (&[named][..], "AMQP_URI=amqp://h", "amqp://hush@file", "AMQP_URI (.env, line 1)"),
        (&[named, ("RABBITMQ_HOST", "h")], "", "amqp://hush@file", "RABBITMQ_HOST"),
        (&[named, ("amqp_uri", "amqp://h")], "", "amqp://hush@file", "amqp_uri"),
        (&[("amqp_uri", "amqp://h")], in_file.as_str(), "amqp://h", "AMQP_URI_FILE (.env, line 2)"),
        (&[("amqp_uri", "amqp://h")], "AMQP_URI_FILE=/nowhere", "amqp://h", "AMQP_URI_FILE (.env, line 1)"),
    ] {
        let (uri, warnings) = read(process, file);
        assert_eq!(uri.unwrap().as_deref(), Some(expected), "{process:?} {file}");
        assert!(warnings.contains(&format!("{ignored} says something else than ")), "{warnings}");
        assert!(!warnings.contains("hush") && !warnings.contains(path), "{warnings}");
    }
    let both = read(&[], &format!("AMQP_URI=amqp://h{in_file}")).0.unwrap_err();
    let expected = "AMQP_URI (.env, line 1) and AMQP_URI_FILE (.env, line 2) are both set; expected one of them";
    assert!(both.contains(expected), "{both}");
    assert!(read(&[named, ("AMQP_URI", "amqp://h")], "").0.unwrap_err().contains("AMQP_URI and AMQP_URI_FILE are"));
}
