//! Making one-time secrets and their hashes; [`super`] stores and redeems them.
//!
//! A link or a challenge is 32 random bytes in base64url, stored as the SHA-256 over its purpose and itself. A code is six
//! digits by text message, eight characters of Crockford's base32 by mail, stored as an HMAC under a key of `SECRET_KEY` over
//! purpose, user, subject and itself: without the key the million of them cannot be tried out on a stolen database, and the
//! hash of one user's code is no other's.

use aws_lc_rs::constant_time;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use crate::domain::one_time::{Purpose, SecretHash};
use crate::domain::typed::without_separators;
use crate::identity::opaque_token::OpaqueToken;
use crate::sealing::Vault;

const DIGITS: usize = 6;
const MAIL_CHARS: usize = 8;
/// Without I, L, O and U, which are misread or make words.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODES: u32 = 1_000_000;
/// Random numbers from here on would make some codes likelier than others.
const UNBIASED: u32 = u32::MAX - u32::MAX % CODES;
/// Each draw fails with a chance of one in 4,400, so this many do not all fail in practice.
const DRAWS: usize = 64;
const HMAC_PURPOSE: &str = "one-time code";

/// The secret of a link or a challenge, on its way to or from its holder. It has no `Debug`, `Display` or `Serialize`.
pub struct LinkSecret(OpaqueToken);

impl LinkSecret {
    pub fn generate() -> Self {
        Self(OpaqueToken::generate())
    }

    /// None if it has not the form of our secrets.
    pub fn parse(text: &str) -> Option<Self> {
        OpaqueToken::parse(text).map(Self)
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The stored hash: bound to the purpose, so that no other purpose finds it.
    pub fn hash(&self, purpose: Purpose) -> SecretHash {
        let mut hasher = Sha256::new();
        hasher.update(purpose.as_str().as_bytes());
        hasher.update([0]);
        hasher.update(self.0.expose().as_bytes());
        SecretHash::new(hasher.finalize().into())
    }
}

/// Six digits, or eight characters of Crockford's base32. It has no `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// Each of the million codes is as likely as any other.
    pub fn generate() -> Self {
        let draws = std::iter::repeat_with(|| u32::from_be_bytes(service_kit::ids::random_bytes::<4>()));
        let number = draws.take(DRAWS).find(|number| *number < UNBIASED).unwrap_or_default() % CODES;
        Self(format!("{number:0DIGITS$}"))
    }

    /// Eight characters of 32 each, as likely as any other: 40 bits.
    pub fn for_mail() -> Self {
        let bits = u64::from_be_bytes(service_kit::ids::random_bytes::<8>());
        let of = |place: usize| CROCKFORD.get(usize::try_from(bits >> (5 * place)).unwrap_or(0) & 31).copied();
        Self((0..MAIL_CHARS).filter_map(of).map(char::from).collect())
    }

    /// Parses a mailed code as typed: case, blanks and hyphens do not matter, and letters that resemble digits are read as
    /// those digits. None if it has not the form of a code.
    pub fn parse_mailed(text: &str) -> Option<Self> {
        if text.len() > 4 * MAIL_CHARS {
            return None;
        }
        let typed = without_separators(text).map(|c| match c.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            c => c,
        });
        let code: String = typed.collect();
        let valid = code.len() == MAIL_CHARS && code.bytes().all(|byte| CROCKFORD.contains(&byte));
        valid.then_some(Self(code))
    }

    /// None if it is not six digits; blanks and hyphens around and between them are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * DIGITS {
            return None;
        }
        let digits: String = without_separators(text).collect();
        (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(Self(digits))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The stored hash, for this user and subject only.
    pub fn hash(&self, vault: &Vault, purpose: Purpose, user: UserId, subject: &str) -> SecretHash {
        let mut bytes = Vec::new();
        for part in [purpose.as_str(), &user.to_string(), subject, &self.0] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        SecretHash::new(vault.hmac(HMAC_PURPOSE, &bytes))
    }
}

/// Compares in constant time.
pub fn same_hash(one: &SecretHash, other: &SecretHash) -> bool {
    constant_time::verify_slices_are_equal(one.as_str().as_bytes(), other.as_str().as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> UserId {
        UserId::try_new(id).unwrap()
    }

    #[test]
    fn a_link_of_one_purpose_hashes_unlike_one_of_another() {
        let link = LinkSecret::generate();
        let back = LinkSecret::parse(link.expose()).unwrap();
        assert!(same_hash(&link.hash(Purpose::EmailVerification), &back.hash(Purpose::EmailVerification)));
        assert!(!same_hash(&link.hash(Purpose::EmailVerification), &link.hash(Purpose::PasswordResetLink)));
    }

    #[test]
    fn a_code_is_bound_to_key_purpose_user_and_subject() {
        let (vault, code) = (Vault::try_new("one").unwrap(), Code::parse(" 123 456 ").unwrap());
        let hash = code.hash(&vault, Purpose::PhoneCode, user(1), "+491");
        let others = [
            code.hash(&Vault::try_new("two").unwrap(), Purpose::PhoneCode, user(1), "+491"),
            code.hash(&vault, Purpose::PasswordResetCode, user(1), "+491"),
            code.hash(&vault, Purpose::PhoneCode, user(2), "+491"),
            code.hash(&vault, Purpose::PhoneCode, user(1), "+492"),
            Code::parse("123457").unwrap().hash(&vault, Purpose::PhoneCode, user(1), "+491"),
        ];
        assert!(others.iter().all(|other| !same_hash(&hash, other)));
        assert!(same_hash(&hash, &Code::parse("123456").unwrap().hash(&vault, Purpose::PhoneCode, user(1), "+491")));
    }

    #[test]
    fn a_mailed_code_is_known_however_it_is_typed() {
        let codes: std::collections::BTreeSet<String> =
            (0..1_000).map(|_| Code::for_mail().expose().to_owned()).collect();
        assert!(codes.len() > 990 && codes.iter().all(|code| code.len() == MAIL_CHARS));
        assert!(codes.iter().all(|code| Code::parse_mailed(code).is_some_and(|back| back.expose() == code)));
        assert_eq!(Code::parse_mailed(" abcd-efgh ").unwrap().expose(), "ABCDEFGH");
        assert_eq!(Code::parse_mailed("oiL0 1234").unwrap().expose(), "01101234");
        for bad in ["", "1234567", "123456789", "1234567U", "1234567é", &" ".repeat(100)] {
            assert!(Code::parse_mailed(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn codes_have_six_digits_and_nothing_else_is_one() {
        assert!((0..1_000).all(|_| Code::generate().expose().len() == DIGITS));
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", &" ".repeat(100)] {
            assert!(Code::parse(bad).is_none(), "{bad:?}");
        }
    }
}
