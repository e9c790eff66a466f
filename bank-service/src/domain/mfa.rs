//! The second factor: six digits of an authenticator app (TOTP, RFC 6238: SHA-1, 30 s, the defaults of all apps), or one of ten
//! recovery codes.
//!
//! A code is accepted one step early or late. The store decides whether its step was used before.

use chrono::{DateTime, TimeDelta, Utc};
use totp_rs::{Builder, Secret, Totp};

use super::qr_code;
use super::typed::without_separators;

/// How long a new seed waits for its first code.
pub const PENDING_FOR: TimeDelta = TimeDelta::minutes(10);
/// How many recovery codes are generated at once.
pub const RECOVERY_CODES: usize = 10;
/// 160 bits, as RFC 4226 recommends for SHA-1.
pub const SEED_BYTES: usize = 20;
pub const RECOVERY_CODE_BYTES: usize = 16;
const DIGITS: usize = 6;
/// The most bytes of a recovery code as typed.
const MAX_TYPED_CODE: usize = 128;
/// The name that an authenticator app shows above the code.
const ISSUER: &str = "Bank";

/// The secret shared by app and service. It has no `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub struct Seed([u8; SEED_BYTES]);

/// The seed is unusable: it is not 20 bytes, or the account name is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seed of the second factor cannot be used")]
pub struct SeedError;

impl Seed {
    pub fn new(bytes: [u8; SEED_BYTES]) -> Self {
        Self(bytes)
    }

    pub fn from_slice(bytes: &[u8]) -> Result<Self, SeedError> {
        bytes.try_into().map(Self).map_err(|_| SeedError)
    }

    /// The bytes to seal.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The form that users type into an app: base32 without padding.
    pub fn base32(&self) -> String {
        Secret::from(self.0).to_base32()
    }

    /// The step of a code, if it is the code of the current step or of an adjacent one. Compares in constant time.
    pub fn step_of(&self, otp: &Otp, now: DateTime<Utc>) -> Option<i64> {
        let seconds = u64::try_from(now.timestamp()).ok()?;
        let step = self.totp("").ok()?.check(&otp.0, seconds)?;
        i64::try_from(step).ok()
    }

    /// `otpauth://totp/…`, which apps read from a QR code.
    pub fn otpauth_url(&self, account: &str) -> Result<String, SeedError> {
        self.totp(account)?.to_url().map_err(|_| SeedError)
    }

    /// [`Self::otpauth_url`] as a QR code, a PNG image.
    pub fn qr_code(&self, account: &str) -> Result<Vec<u8>, SeedError> {
        qr_code::draw(&self.otpauth_url(account)?).map_err(|_| SeedError)
    }

    /// The crate's defaults are SHA-1, 6 digits, 30 s and one step of skew; the test vectors below verify them.
    fn totp(&self, account: &str) -> Result<Totp, SeedError> {
        let builder = Builder::new().with_secret(self.0).with_issuer(Some(ISSUER)).with_account_name(account);
        builder.build().map_err(|_| SeedError)
    }
}

/// A code presented by a user: six digits.
#[derive(Clone)]
pub struct Otp(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be six digits")]
pub struct OtpError;

impl Otp {
    /// Separators are skipped: apps show `123 456`, and pasting may add a line end.
    pub fn parse(text: &str) -> Result<Self, OtpError> {
        let digits: String = without_separators(text).take(DIGITS + 1).collect();
        let valid = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(Self(digits)) } else { Err(OtpError) }
    }
}

/// A recovery code: 128 random bits in 32 hex digits, for one use.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 hexadecimal characters")]
pub struct RecoveryCodeError;

impl RecoveryCode {
    pub fn new(bytes: [u8; RECOVERY_CODE_BYTES]) -> Self {
        Self(hex::encode(bytes))
    }

    /// Ignores case, blanks, line ends and hyphens: the code is pasted from notes, and is the user's last way to log in.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        if text.len() > MAX_TYPED_CODE {
            return Err(RecoveryCodeError);
        }
        let code: String = without_separators(text).collect();
        let valid = code.len() == 2 * RECOVERY_CODE_BYTES && code.bytes().all(|byte| byte.is_ascii_hexdigit());
        if valid { Ok(Self(code.to_ascii_lowercase())) } else { Err(RecoveryCodeError) }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn otp(text: &str) -> Otp {
        Otp::parse(text).unwrap()
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_pasted() {
        let code = RecoveryCode::new([0xab; RECOVERY_CODE_BYTES]);
        let grouped = |by: &str| ["abab"; 8].join(by);
        for typed in
            [grouped(""), grouped(" "), grouped("-"), format!("{}\n", grouped("")), grouped("-").to_uppercase()]
        {
            assert!(RecoveryCode::parse(&typed) == Ok(code.clone()), "{typed:?}");
        }
        for bad in [grouped("_"), grouped("abab"), "ab".repeat(15), " ".repeat(200)] {
            assert!(RecoveryCode::parse(&bad).is_err(), "{bad:?}");
        }
    }

    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        let seed = Seed::from_slice(b"12345678901234567890").unwrap();
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(seed.step_of(&otp(code), at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        let seed = Seed::from_slice(b"12345678901234567890").unwrap();
        let step_at = |step: i64| seed.step_of(&otp("005924"), at(step * 30));
        let own = 1_234_567_890 / 30;
        assert_eq!([own - 1, own, own + 1].map(step_at), [Some(own); 3]);
        assert_eq!([own - 2, own + 2].map(step_at), [None; 2]);
    }

    #[test]
    fn an_app_gets_seed_account_and_issuer() {
        let seed = Seed::from_slice(b"12345678901234567890").unwrap();
        let url = seed.otpauth_url("a+b@example.com").unwrap();
        assert!(url.starts_with("otpauth://totp/Bank:a%2Bb%40example.com?"), "{url}");
        assert!(url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && url.contains("issuer=Bank"), "{url}");
        let long = format!("{}@{}.example.com", "l".repeat(64), "d".repeat(60));
        assert!(seed.qr_code(&long).unwrap().starts_with(b"\x89PNG"));
        assert_eq!(seed.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert!(Otp::parse("123 456").is_ok());
        for bad in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６"] {
            assert!(Otp::parse(bad).is_err(), "{bad}");
        }
        let code = RecoveryCode::new([0xab; 16]);
        assert!(RecoveryCode::parse(&code.expose().to_uppercase()).is_ok_and(|read| read == code));
        for bad in ["", "abc", &"g".repeat(32), &"a".repeat(33)] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }
}
