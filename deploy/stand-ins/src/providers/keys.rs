//! The stand-in's signing keys and its tokens, good and bad.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Generating a key is slow: all tests share these.
static KEYS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).unwrap()));

static CURVES: LazyLock<[EcdsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()));

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signing {
    #[default]
    Good,
    /// `alg: none` and no signature.
    Unsigned,
    /// HS256, with the public key as the secret.
    PublicKeyAsSecret,
    /// Another key's signature under this one's name.
    Stranger,
    /// A key that is not published.
    UnknownKid,
    /// Another algorithm than the key's, by a key of that kind.
    OtherAlgorithm,
}

/// The index of the key in use; every other key counts as a stranger's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InUse(usize);

impl InUse {
    /// The key on the curve P-256.
    pub(super) const CURVES: Self = Self(2);

    /// The other RSA key.
    pub(super) fn other(self) -> Self {
        Self(usize::from(self.0 == 0))
    }

    fn is_curve(self) -> bool {
        self == Self::CURVES
    }

    fn kid(self) -> String {
        format!("key-{}", self.0)
    }

    pub(super) fn jwks(self) -> Value {
        let other = json!({"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": URL_SAFE_NO_PAD.encode([7; 32])});
        json!({"keys": [other, self.jwk()]})
    }

    fn jwk(self) -> Value {
        if self.is_curve() {
            // An uncompressed point: a byte, and two coordinates of 32.
            let point = CURVES[0].public_key().as_ref();
            let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            return json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid(),
                "x": coordinate(&point[1..33]), "y": coordinate(&point[33..])});
        }
        // RSAPublicKey of 2048 bits: a header of 9 bytes, the modulus, and 65537.
        let modulus = URL_SAFE_NO_PAD.encode(&KEYS[self.0].public_key().as_ref()[9..265]);
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid(), "n": modulus, "e": "AQAB"})
    }

    pub(super) fn sign(self, signing: Signing, claims: &Value) -> String {
        let own = if self.is_curve() { "ES256" } else { "RS256" };
        let (alg, kid) = match signing {
            Signing::Good | Signing::Stranger => (own, self.kid()),
            Signing::UnknownKid => (own, "nobody's".to_owned()),
            Signing::Unsigned => ("none", self.kid()),
            Signing::PublicKeyAsSecret => ("HS256", self.kid()),
            Signing::OtherAlgorithm => (if self.is_curve() { "RS256" } else { "ES256" }, self.kid()),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": alg, "typ": "JWT", "kid": kid})), part(claims));
        let signature = match signing {
            Signing::Good | Signing::UnknownKid => self.signature(0, &message),
            Signing::Stranger => self.signature(1, &message),
            Signing::Unsigned => Vec::new(),
            Signing::PublicKeyAsSecret => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, self.pem().as_bytes());
                hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
            }
            Signing::OtherAlgorithm if self.is_curve() => rs256(&KEYS[0], &message),
            Signing::OtherAlgorithm => es256(&CURVES[0], &message),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// By this key, or by a stranger's of the same kind.
    fn signature(self, strange: usize, message: &str) -> Vec<u8> {
        if self.is_curve() { es256(&CURVES[strange], message) } else { rs256(&KEYS[self.0 ^ strange], message) }
    }

    fn pem(self) -> String {
        let der: PublicKeyX509Der<'_> = if self.is_curve() {
            CURVES[0].public_key().as_der().unwrap()
        } else {
            KEYS[self.0].public_key().as_der().unwrap()
        };
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }
}

fn es256(key: &EcdsaKeyPair, message: &str) -> Vec<u8> {
    key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
}

fn rs256(key: &KeyPair, message: &str) -> Vec<u8> {
    let mut signature = vec![0; 256];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}
