//! Versions of client programs, as `X-Client-Version` and `MIN_CLIENT_VERSION` name them.

use std::fmt;
use std::str::FromStr;

/// `1`, `1.2` or `1.2.3`; a missing part counts as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientVersion([u32; 3]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected up to three numbers such as 1.4.2")]
pub struct ClientVersionError;

impl FromStr for ClientVersion {
    type Err = ClientVersionError;
    fn from_str(text: &str) -> Result<Self, ClientVersionError> {
        let mut parts = text.split('.');
        let mut version = [0; 3];
        for (index, number) in version.iter_mut().enumerate() {
            let Some(part) = parts.next() else {
                // `split` always yields a first part, possibly empty.
                return if index > 0 { Ok(Self(version)) } else { Err(ClientVersionError) };
            };
            let is_number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            *number = part.parse().ok().filter(|_| is_number).ok_or(ClientVersionError)?;
        }
        if parts.next().is_none() { Ok(Self(version)) } else { Err(ClientVersionError) }
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| text.parse::<ClientVersion>().unwrap();
        assert!(version("1.10") > version("1.9.9"));
        assert_eq!(version("2"), version("2.0.0"));
        assert_eq!(version("1.2").to_string(), "1.2.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["", ".", "1.", "v1", "1.2.3.4", "1.-2", "+1", "1.2.x", "99999999999"] {
            assert_eq!(bad.parse::<ClientVersion>(), Err(ClientVersionError), "{bad:?}");
        }
    }
}
