//! The stand-in's signing keys and the tokens that it makes with them, good and bad.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Making a key takes a moment: all tests share these.
static KEYS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).unwrap()));

/// How a token is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Signing {
    #[default]
    Good,
    /// `alg: none` and no signature.
    Unsigned,
    /// HS256, with the public key as the secret.
    PublicKeyAsSecret,
    /// Another key's signature under this one's name.
    Stranger,
    /// A key that nobody knows.
    UnknownKid,
}

/// Which of the keys is in use: the other one is a stranger's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InUse(pub(crate) usize);

impl InUse {
    pub(crate) fn kid(self) -> String {
        format!("key-{}", self.0)
    }

    pub(crate) fn jwks(self) -> Value {
        // RSAPublicKey of 2048 bits: a header of 9 bytes, the modulus, and 65537.
        let der = KEYS[self.0].public_key().as_ref();
        let modulus = URL_SAFE_NO_PAD.encode(&der[9..265]);
        let key = json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid(), "n": modulus, "e": "AQAB"});
        let other = json!({"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": modulus});
        json!({"keys": [other, key]})
    }

    pub(crate) fn sign(self, signing: Signing, claims: &Value) -> String {
        let (alg, kid) = match signing {
            Signing::Good | Signing::Stranger => ("RS256", self.kid()),
            Signing::UnknownKid => ("RS256", "nobody's".to_owned()),
            Signing::Unsigned => ("none", self.kid()),
            Signing::PublicKeyAsSecret => ("HS256", self.kid()),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": alg, "typ": "JWT", "kid": kid})), part(claims));
        let signature = match signing {
            Signing::Good | Signing::UnknownKid => rs256(&KEYS[self.0], &message),
            Signing::Stranger => rs256(&KEYS[1 - self.0], &message),
            Signing::Unsigned => Vec::new(),
            Signing::PublicKeyAsSecret => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, pem(&KEYS[self.0]).as_bytes());
                hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn rs256(key: &KeyPair, message: &str) -> Vec<u8> {
    let mut signature = vec![0; 256];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}

fn pem(key: &KeyPair) -> String {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
}
