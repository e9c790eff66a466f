//! The options of `DATABASE_URL` for a MySQL or MariaDB server, TLS included.
//!
//! | `ssl-mode` | the connection |
//! |---|---|
//! | `disabled` (the default) | in the clear |
//! | `required` | encrypted; any server certificate is accepted |
//! | `verify-ca` | encrypted; the certificate is from a known authority |
//! | `verify-identity` (the default with `ssl-ca`) | and is issued for the host of the URL |
//!
//! The names and meanings are those of MySQL's own clients. `ssl-ca` names a file of authorities in PEM form, which are then
//! the only trusted ones; without it the public ones are trusted.

use std::path::PathBuf;

use mysql_async::{Opts, OptsBuilder, SslOpts, UrlError};
use service_kit::config::{PEM_LIMIT, read_text};
use url::Url;

use crate::store::DatabaseUrlError;

const SSL_MODE: &str = "ssl-mode";
const SSL_CA: &str = "ssl-ca";
/// Those that serve a purpose here; the driver accepts more.
const PARAMETERS: &str = "ssl-mode, ssl-ca, compression, max_allowed_packet, prefer_socket, socket, tcp_keepalive, tcp_nodelay or wait_timeout";

/// A name is the whole path, and has none of these, percent-encoded or not: what follows one may be a part of the password that was
/// cut off, and errors show a database's name.
const NOT_IN_NAMES: [char; 6] = ['/', '\\', ':', '@', '?', '#'];
/// MySQL's own limit.
const LONGEST_NAME: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SslMode {
    Disabled,
    Required,
    VerifyCa,
    VerifyIdentity,
}

/// Reads a `mysql://` URL. The file of authorities is read, too, so that a wrong path is a configuration error.
pub(in crate::store) fn parse(url: &str) -> Result<Opts, DatabaseUrlError> {
    let mut url = Url::parse(url).map_err(|_| DatabaseUrlError::Form)?;
    let (mut mode, mut ca, mut others) = (None, None, Vec::new());
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            SSL_MODE => mode = Some(ssl_mode(&value)?),
            SSL_CA => ca = Some(PathBuf::from(value.as_ref())),
            _ => others.push((name.into_owned(), value.into_owned())),
        }
    }
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    let opts =
        Opts::from_url(url.as_str()).map_err(|error| DatabaseUrlError::Parameter { reason: without_value(&error) })?;
    check_name(&url, opts.db_name().unwrap_or_default())?;
    match (mode, ca) {
        (None, None) | (Some(SslMode::Disabled), _) => Ok(opts),
        (mode, ca) => with_tls(opts, mode.unwrap_or(SslMode::VerifyIdentity), ca),
    }
}

/// The driver takes the part of the path in front of the second `/`.
fn check_name(url: &Url, name: &str) -> Result<(), DatabaseUrlError> {
    let is_whole = url.path_segments().is_some_and(|parts| parts.count() == 1);
    if is_whole && (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(NOT_IN_NAMES) {
        return Ok(());
    }
    let reason = format!(
        "the name of the database is not valid; expected one of at most {LONGEST_NAME} characters, without {}",
        NOT_IN_NAMES.map(String::from).join(" ")
    );
    Err(DatabaseUrlError::Parameter { reason })
}

/// The driver's messages contain values, and names that may be a part of one.
fn without_value(error: &UrlError) -> String {
    match error {
        // The driver knows this parameter.
        UrlError::InvalidParamValue { param, .. } => format!("the value of {param} is not valid"),
        UrlError::UnknownParameter { .. } => format!("it has an unknown parameter; expected {PARAMETERS}"),
        _ => "it cannot be read; expected mysql://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
    }
}

fn ssl_mode(text: &str) -> Result<SslMode, DatabaseUrlError> {
    match text.to_ascii_lowercase().replace('_', "-").as_str() {
        "disabled" => Ok(SslMode::Disabled),
        "required" => Ok(SslMode::Required),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-identity" => Ok(SslMode::VerifyIdentity),
        _ => Err(DatabaseUrlError::Parameter {
            reason: "ssl-mode is none of disabled, required, verify-ca and verify-identity".to_owned(),
        }),
    }
}

fn with_tls(opts: Opts, mode: SslMode, ca: Option<PathBuf>) -> Result<Opts, DatabaseUrlError> {
    let mut ssl = SslOpts::default()
        .with_danger_accept_invalid_certs(mode == SslMode::Required)
        .with_danger_skip_domain_validation(mode != SslMode::VerifyIdentity);
    if let Some(path) = ca {
        readable(&path)?;
        ssl = ssl.with_root_certs(vec![path.into()]).with_disable_built_in_roots(true);
    }
    service_kit::tls::install_crypto_provider();
    // The driver would prefer a local socket to TLS.
    Ok(OptsBuilder::from_opts(opts).ssl_opts(Some(ssl)).prefer_socket(Some(false)).into())
}

fn readable(path: &std::path::Path) -> Result<(), DatabaseUrlError> {
    let reason = match read_text(path, PEM_LIMIT) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => return Ok(()),
        Ok(_) => "the file holds no certificate".to_owned(),
        Err(error) => format!("the file cannot be read: {error}"),
    };
    Err(DatabaseUrlError::Parameter { reason: format!("ssl-ca: {reason}; expected a PEM file") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssl(query: &str) -> Option<(bool, bool)> {
        let opts = parse(&format!("mysql://u:p@h/bank{query}")).unwrap();
        opts.ssl_opts().map(|ssl| (ssl.accept_invalid_certs(), ssl.skip_domain_validation()))
    }

    #[test]
    fn the_mode_decides_what_is_checked() {
        assert_eq!(ssl(""), None);
        assert_eq!(ssl("?ssl-mode=disabled"), None);
        assert_eq!(ssl("?ssl-mode=REQUIRED"), Some((true, true)));
        assert_eq!(ssl("?ssl-mode=VERIFY_CA"), Some((false, true)));
        assert_eq!(ssl("?ssl-mode=verify-identity&tcp_nodelay=true"), Some((false, false)));
    }

    #[test]
    fn a_login_with_a_raw_at_sign_is_read_whole() {
        let opts = parse("mysql://u:p@ss@h:3307/bank").unwrap();
        assert_eq!((opts.user(), opts.pass(), opts.db_name()), (Some("u"), Some("p@ss"), Some("bank")));
        assert_eq!((opts.ip_or_hostname(), opts.tcp_port()), ("h", 3307));
    }

    #[test]
    fn a_name_that_may_be_a_part_of_something_else_is_refused_and_not_shown() {
        let long = "x".repeat(LONGEST_NAME + 1);
        let cut = ["hunter2/bank", "bank/hunter2", "bank/", "/bank", "hunter2%2Fbank", "u:hunter2", "hunter2%40h"];
        for path in cut.into_iter().chain([long.as_str()]) {
            let fault = parse(&format!("mysql://u:p@h/{path}")).unwrap_err().to_string();
            assert!(fault.starts_with("the name of the database is not valid; expected one of "), "{path}: {fault}");
            assert!(!fault.contains("hunter2") && !fault.contains(&long), "{fault}");
        }
        for path in ["bank", "my-bank_2", "b%C3%A4nk", "my%20bank"] {
            assert!(parse(&format!("mysql://u:p@h/{path}")).is_ok(), "{path}");
        }
    }

    #[test]
    fn each_parameter_that_an_error_names_is_accepted() {
        for name in PARAMETERS.replace(" or ", ", ").split(", ").filter(|name| !name.starts_with("ssl-")) {
            let accepted = |value: &str| parse(&format!("mysql://h/bank?{name}={value}")).is_ok();
            assert!(["true", "1024", "fast"].into_iter().any(accepted), "{name}");
        }
    }

    #[test]
    fn a_wrong_mode_a_wrong_file_and_an_unknown_parameter_are_faults() {
        let folder = tempfile::tempdir().unwrap();
        let no_pem = folder.path().join("ca.pem");
        std::fs::write(&no_pem, "nothing").unwrap();
        let file = format!("ssl-ca={}", no_pem.display());
        for (query, expected) in [
            ("ssl-mode=sometimes", "ssl-mode"),
            ("ssl-ca=/nowhere/hunter2.pem", "ssl-ca: the file cannot be read"),
            (file.as_str(), "no certificate"),
            ("hunter2=blue", "unknown parameter; expected ssl-mode, ssl-ca, "),
            ("pool_min=2&pool_max=1", "cannot be read"),
            ("tcp_nodelay=hunter2", "tcp_nodelay"),
        ] {
            let error = parse(&format!("mysql://u:hunter2@h/bank?{query}")).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
