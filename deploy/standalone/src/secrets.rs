//! Secrets that the first start generates: stored in files that only their owner can read, never printed except the
//! administrator's password, once.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use service_kit::config::Secret;
use service_kit::ids::random_bytes;

/// The key in `path`, generated if there is none. An empty file is none: a first start that was killed leaves one.
pub(crate) fn secret_key(path: &Path) -> anyhow::Result<Secret> {
    let context = || format!("{}: the secret key cannot be read or made", path.display());
    if let Some(key) = kept_key(path).with_context(context)? {
        return Ok(key);
    }
    let key = new_key();
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
    let mut file = options.open(path).with_context(context)?;
    file.set_permissions(Permissions::from_mode(0o600)).with_context(context)?;
    file.write_all(key.expose().as_bytes()).and_then(|()| file.sync_all()).with_context(context)?;
    Ok(key)
}

/// The key in `path`, if there is one.
pub(crate) fn kept_key(path: &Path) -> io::Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end()).filter(|key| !key.is_empty()).map(Secret::new)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A key of 32 letters and digits, 160 bits.
pub(crate) fn new_key() -> Secret {
    Secret::new(characters(&random_bytes::<32>()))
}

/// A password of 20 letters and digits, about 100 bits.
pub(crate) fn new_password() -> Secret {
    Secret::new(characters(&random_bytes::<20>()))
}

/// One character of 32 for each byte: none that resembles another, none that a shell interprets.
fn characters(bytes: &[u8]) -> String {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y',
        'z', '2', '3', '4', '5', '6', '7', '8', '9', 'A',
    ];
    bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let key = secret_key(&path).unwrap();
        assert_eq!(key.expose().len(), 32);
        assert_eq!(secret_key(&path).unwrap().expose(), key.expose());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_empty_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        fs::write(&path, "\n").unwrap();
        let key = secret_key(&path).unwrap();
        assert_eq!(key.expose().len(), 32);
        assert_eq!(fs::read_to_string(&path).unwrap(), key.expose());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(new_password().expose(), new_password().expose());
        assert_eq!(new_password().expose().len(), 20);
    }
}
