//! Logins in addresses: `amqp://user:password@host/vhost`.
//!
//! A parser ends a login at the first `/`, `?` or `#`, and takes the rest of a password for a host, a path or a name, which
//! errors and logs show. So an address is refused if it is not clear where its login ends.

use std::ffi::OsStr;

/// Addresses that are paths.
const FILES: [&str; 2] = ["sqlite:", "mailbox:"];
/// The ends of the names of settings that are addresses.
const ADDRESSES: [&str; 3] = ["_URL", "_URI", "_DSN"];
/// Characters that end a login unless they are percent-encoded.
const ENDS: [char; 4] = ['/', '?', '#', '\\'];

/// The fault of an address with an unclear login.
pub(super) const UNCLEAR: &str = r"has a /, ?, # or \ in front of its last @, so it is not clear where the login ends; expected / as %2F, ? as %3F, # as %23, \ as %5C and @ as %40";

pub(super) fn is_path(address: &str) -> bool {
    FILES.iter().any(|scheme| address.starts_with(scheme))
}

/// All that may be part of a login: the text between the scheme and the last `@`.
pub(super) fn login_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://").filter(|_| !is_path(address))?;
    rest.rsplit_once('@').map(|(login, _)| login)
}

/// Whether the setting is an address, and its value one with an unclear login.
pub(super) fn is_unclear(variable: &str, value: &OsStr) -> bool {
    let login = value.to_str().and_then(login_of);
    ADDRESSES.iter().any(|end| variable.ends_with(end)) && login.is_some_and(|login| login.contains(ENDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_a_parser_would_cut_is_unclear() {
        let is_unclear = |variable, value: &str| is_unclear(variable, OsStr::new(value));
        for address in [
            "mysql://bank:hun/ter2@db/bank",
            "amqp://bank:hun?ter2@broker/vhost",
            "mongodb://log:hun#ter2@a:1,b:2/logs",
            r"smtp://mail:hun\ter2@host",
            "mysql://bank:hunter2@db/bank?ssl-ca=/etc/@ca.pem",
        ] {
            assert!(is_unclear("DATABASE_URL", address), "{address}");
        }
        for address in [
            "mysql://bank:hun%40ter%2F2@db:3306/bank?ssl-mode=required#x",
            "mongodb://log:hunter2@a:1,b:2/logs?replicaSet=rs0",
            "mysql://bank:hun@ter2@db/bank",
            "https://bank.example/a?b#c",
            "sqlite:///data/a@b/bank.sqlite",
            "mailbox:///data/a@b",
            "",
        ] {
            assert!(!is_unclear("MONGODB_URI", address), "{address}");
        }
        assert!(!is_unclear("ADMIN_PASS", "a://b/c@d"), "a password may be any text");
    }

    #[test]
    fn a_raw_at_sign_belongs_to_the_login_of_each_kind_of_address() {
        for scheme in ["mysql", "amqp", "amqps", "smtp", "smtps", "mongodb", "mongodb+srv", "http", "https"] {
            let address = format!("{scheme}://u:p@ss@h:5672/%2f?x=y");
            assert_eq!(login_of(&address), Some("u:p@ss"), "{address}");
            assert!(!is_unclear("AMQP_URI", OsStr::new(&address)), "{address}");
            let cut = format!("{scheme}://u:p@s/s@h:5672/%2f");
            assert!(is_unclear("AMQP_URI", OsStr::new(&cut)), "{cut}");
        }
    }
}
