//! Tokens: the valid ones pass, and every forgery is refused.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use service_kit::clock::{Clock, ManualClock, SystemClock};
use service_kit::http::auth::{
    AUDIENCE_BANK, AUDIENCE_EMAIL, AUDIENCE_LOG, Bearer, Claims, ISSUER, SigningKey, TokenError, Verifier,
};
use test_support::auth::StaticKeys;

use crate::support::{answer, settings, start_with};

const NOW: i64 = 1_700_000_000;

pub(crate) fn claims(now: i64) -> Claims {
    Claims {
        sub: "7".to_owned(),
        user_id: Some(7),
        client_id: None,
        account_ids: vec![1, 2],
        account_ids_truncated: None,
        roles: vec!["user".to_owned()],
        fresh: true,
        auth_time: Some(now),
        amr: Vec::new(),
        sid: Some("s".to_owned()),
        jti: "j".to_owned(),
        iat: now,
        nbf: now,
        exp: now + 900,
        iss: ISSUER.to_owned(),
        aud: [AUDIENCE_BANK, AUDIENCE_LOG, AUDIENCE_EMAIL].map(str::to_owned).to_vec(),
    }
}

struct Bench {
    key: SigningKey,
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

fn bench() -> Bench {
    let key = SigningKey::generate();
    let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(NOW, 0).unwrap()));
    let verifier = Verifier::new(Arc::new(StaticKeys::new([key.jwk()])), AUDIENCE_BANK, clock.clone());
    Bench { key, clock, verifier }
}

impl Bench {
    /// A token with claims changed by hand.
    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut value = serde_json::to_value(claims(NOW)).unwrap();
        change(&mut value);
        self.key.sign_as("at+jwt", &value).unwrap()
    }

    async fn refused(&self, what: &str, token: &str) {
        for _ in 0..2 {
            assert_eq!(self.verifier.verify(token).await, Err(TokenError::Invalid), "{what}");
        }
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_good_token_passes_and_identifies_its_caller() {
    let bench = bench();
    let token = bench.key.sign(&claims(NOW)).unwrap();
    assert!(token.len() < 4_096);
    for _ in 0..2 {
        assert_eq!(bench.verifier.verify(&token).await.unwrap(), claims(NOW));
    }
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": bench.key.kid() }));
    let again = SigningKey::from_pkcs8(bench.key.kid(), bench.key.pkcs8()).unwrap();
    assert_eq!(again.jwk(), bench.key.jwk());
    let shown = format!("{:?}", bench.key);
    let secret: Vec<String> = bench.key.pkcs8().iter().map(u8::to_string).collect();
    assert!(!shown.contains(&secret.join(", ")), "{shown} shows the private key");
    assert!(!shown.contains(&secret[secret.len() - 8..].join(", ")), "{shown} shows a part of the private key");
    assert!(SigningKey::from_pkcs8("k", b"nonsense").is_err());
}

#[tokio::test]
async fn forged_algorithms_are_refused() {
    let bench = bench();
    let payload = part(&serde_json::to_value(claims(NOW)).unwrap());
    for alg in ["none", "None", "NONE", ""] {
        let header = part(&json!({ "typ": "at+jwt", "alg": alg, "kid": bench.key.kid() }));
        bench.refused(alg, &format!("{header}.{payload}.")).await;
    }
    // The public key as an HMAC secret, raw and as its text.
    let public = bench.key.jwk().x;
    for secret in [URL_SAFE_NO_PAD.decode(&public).unwrap(), public.into_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(bench.key.kid().to_owned()));
        let token = jsonwebtoken::encode(&header, &claims(NOW), &EncodingKey::from_secret(&secret)).unwrap();
        bench.refused("HS256", &token).await;
    }
}

#[tokio::test]
async fn other_keys_and_key_ids_are_refused() {
    let bench = bench();
    let other = SigningKey::generate();
    bench.refused("unknown key", &other.sign(&claims(NOW)).unwrap()).await;
    let impostor = SigningKey::from_pkcs8(bench.key.kid(), other.pkcs8()).unwrap();
    bench.refused("other key under our id", &impostor.sign(&claims(NOW)).unwrap()).await;
    let renamed = SigningKey::from_pkcs8("other", bench.key.pkcs8()).unwrap();
    bench.refused("our key under another id", &renamed.sign(&claims(NOW)).unwrap()).await;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    let nameless = jsonwebtoken::encode(&header, &claims(NOW), &EncodingKey::from_ed_der(bench.key.pkcs8())).unwrap();
    bench.refused("no key id", &nameless).await;
    header.kid = Some(bench.key.kid().to_owned());
    header.crit = Some(vec!["b64".to_owned()]);
    let critical = jsonwebtoken::encode(&header, &claims(NOW), &EncodingKey::from_ed_der(bench.key.pkcs8())).unwrap();
    bench.refused("critical header", &critical).await;
}

#[tokio::test]
async fn changed_or_damaged_tokens_are_refused() {
    let bench = bench();
    let token = bench.key.sign(&claims(NOW)).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let mut admin = claims(NOW);
    admin.roles = vec!["admin".to_owned()];
    let payload = part(&serde_json::to_value(admin).unwrap());
    bench.refused("changed claims", &format!("{}.{payload}.{}", parts[0], parts[2])).await;
    bench.refused("no signature", &format!("{}.{}.", parts[0], parts[1])).await;
    for bad in ["", ".", "..", "a.b.c", "\u{0}", &token[..token.len() - 2], &format!("{token}.x")] {
        bench.refused(bad, bad).await;
    }
}

#[tokio::test]
async fn a_token_for_someone_else_or_for_something_else_is_refused() {
    let bench = bench();
    bench.refused("issuer", &bench.token(|claims| claims["iss"] = json!("other"))).await;
    bench.refused("issuer list", &bench.token(|claims| claims["iss"] = json!([ISSUER, "other"]))).await;
    bench.refused("audience", &bench.token(|claims| claims["aud"] = json!(["log-service"]))).await;
    bench.refused("no audience", &bench.token(|claims| claims["aud"] = json!([]))).await;
    for typ in ["JWT", "refresh+jwt", "mfa+jwt", ""] {
        bench.refused(typ, &bench.key.sign_as(typ, &claims(NOW)).unwrap()).await;
    }
}

#[tokio::test]
async fn every_required_claim_is_required_and_typed() {
    let bench = bench();
    for name in ["exp", "nbf", "iss", "aud", "sub", "jti", "iat"] {
        let missing = bench.token(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        bench.refused(name, &missing).await;
        let null = bench.token(|claims| claims[name] = Value::Null);
        bench.refused(name, &null).await;
    }
    bench.refused("exp as text", &bench.token(|claims| claims["exp"] = json!("9999999999"))).await;
    bench.refused("exp huge", &bench.token(|claims| claims["exp"] = json!(1e300))).await;
}

#[tokio::test]
async fn times_hold_with_five_seconds_of_leeway_also_for_a_remembered_token() {
    let bench = bench();
    let token = bench.key.sign(&claims(NOW)).unwrap();
    assert!(bench.verifier.verify(&token).await.is_ok());
    bench.clock.advance(Duration::from_secs(904));
    assert!(bench.verifier.verify(&token).await.is_ok());
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.verifier.verify(&token).await, Err(TokenError::Expired));
    bench.clock.set(DateTime::from_timestamp(NOW - 5, 0).unwrap());
    assert!(bench.verifier.verify(&token).await.is_ok());
    bench.clock.set(DateTime::from_timestamp(NOW - 6, 0).unwrap());
    assert_eq!(bench.verifier.verify(&token).await, Err(TokenError::Invalid));
}

#[tokio::test]
async fn a_token_over_four_kibibytes_is_refused_whatever_it_contains() {
    let bench = bench();
    let mut large = claims(NOW);
    large.roles = vec!["r".repeat(4_000)];
    bench.refused("large", &bench.key.sign(&large).unwrap()).await;
}

#[actix_web::test]
async fn routes_answer_missing_bad_and_expired_tokens_as_the_contract_says() {
    let key = SigningKey::generate();
    let verifier = Verifier::new(Arc::new(StaticKeys::new([key.jwk()])), AUDIENCE_BANK, Arc::new(SystemClock));
    let verifier = web::Data::new(verifier);
    let started = start_with(settings(), move |config| {
        let me = |Bearer(claims): Bearer| async move { HttpResponse::Ok().json(claims.user_id) };
        config
            .app_data(verifier.clone())
            .route("/auth/me", web::get().to(me))
            .route("/v1/auth/me", web::get().to(me))
            .route("/api/me", web::get().to(me));
    });
    let missing = started.get("/auth/me").await;
    missing.assert_problem(401, "authorization_required");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    started.get("/v1/auth/me").await.assert_problem(401, "authorization_required");
    let denied = started.get("/api/me").await;
    let body = denied.assert_problem(403, "access_denied");
    assert_eq!(denied.header("www-authenticate"), "Bearer");
    assert_eq!(body["msg"], "Access denied");

    let with = async |path: &str, header: &str| {
        answer(started.client.get(started.url(path)).header("authorization", header)).await
    };
    let now = SystemClock.now().timestamp();
    let good = format!("Bearer {}", key.sign(&claims(now)).unwrap());
    assert_eq!(with("/api/me", &good).await.json(), json!(7));
    let old = format!("Bearer {}", key.sign(&claims(now - 1_000)).unwrap());
    for path in ["/auth/me", "/api/me"] {
        with(path, &old).await.assert_problem(401, "token_expired");
        for bad in ["Bearer nonsense", "Basic dXNlcjpwYXNz", "Bearer", &good[7..]] {
            let refused = with(path, bad).await;
            refused.assert_problem(401, "invalid_token");
            assert!(refused.header("www-authenticate").contains("invalid_token"));
        }
    }
}
