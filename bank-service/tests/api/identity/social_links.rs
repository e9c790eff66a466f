//! Linking and unlinking logins by other providers, and accounts that must never be merged.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::{give, secured};
use super::social::{finish, log_in, returning, start};
use super::tokens::claims;
use crate::harness::{Answer, Person, TestApp};
use crate::providers::{PROVIDERS, Providers, with_providers};

async fn link(app: &TestApp, providers: &Providers, provider: &str, person: &Person) -> Value {
    let body = returning(app, providers, provider, Some(&person.token)).await;
    finish(app, provider, &body, Some(&person.token)).await.item(201)
}

#[actix_web::test]
async fn a_login_of_each_provider_is_linked_used_and_unlinked() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user("a@example.com").await;
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        providers.account(&format!("{}", 4000 + number), Some("elsewhere@example.com"), true);
        let linked = link(&app, &providers, provider, &person).await;
        assert_eq!((&linked["id"], &linked["last_used_on"]), (&json!(provider), &Value::Null));
        let token = log_in(&app, &providers, provider).await;
        assert_eq!(app.get(&token, "/auth/me").await.expect(200)["id"], person.id, "{provider}");
    }
    let mine = app.get(&person.token, "/auth/social").await.expect(200);
    assert_eq!((&mine["has_password"], &mine["total"]), (&json!(true), &json!(4)));
    for provider in PROVIDERS {
        let path = format!("/auth/social/{provider}");
        assert_eq!(app.delete(&person.token, &path).await.item(200)["id"], provider);
        assert_eq!(app.delete(&person.token, &path).await.outcome(), (404, "not_found"));
    }
    assert_eq!(app.get(&person.token, "/auth/social").await.expect(200)["total"], 0);
    assert_eq!(providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn links_are_on_record_and_announced_by_mail() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user("a@example.com").await;
    let from = app.events().await.len();
    link(&app, &providers, "github", &person).await;
    app.delete(&person.token, "/auth/social/github").await.expect(200);
    let events = app.events().await;
    let of = |kind: &'static str| events[from..].iter().filter(move |event| event.event_type.as_str() == kind);
    for kind in ["security.social_linked", "security.social_unlinked"] {
        let facts = &of(kind).next().unwrap().body.data;
        assert_eq!((&facts["user_id"], &facts["detail"]), (&json!(person.id), &json!("github")));
        assert_eq!(facts["remote_addr"], "127.0.0.1");
    }
    let mails: Vec<_> = of("email.requested").map(|event| &event.body.data).collect();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail["to"] == "a@example.com" && mail["template"] == "notice"), "{mails:?}");
    assert_eq!(mails[0]["params"]["subject"], "Login with GitHub added");
    assert_eq!(mails[1]["params"]["subject"], "Login with GitHub removed");
}

#[actix_web::test]
async fn an_address_that_somebody_has_is_never_merged() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user("john.doe@example.com").await;
    for verified in [true, false] {
        providers.account("1001", Some("John.Doe@example.com"), verified);
        for provider in PROVIDERS {
            let body = returning(&app, &providers, provider, None).await;
            let answer = finish(&app, provider, &body, None).await;
            assert_eq!(answer.outcome(), (409, "link_required"), "{provider}");
        }
    }
    assert_eq!(app.get(&person.token, "/auth/social").await.expect(200)["total"], 0);
    link(&app, &providers, "google", &person).await;
    let token = log_in(&app, &providers, "google").await;
    assert_eq!(app.get(&token, "/auth/me").await.expect(200)["id"], person.id);
    providers.account("6666", Some("john.doe@example.com"), true);
    let body = returning(&app, &providers, "google", None).await;
    assert_eq!(finish(&app, "google", &body, None).await.outcome(), (409, "link_required"), "another subject");
}

#[actix_web::test]
async fn linking_needs_a_fresh_token() {
    let (app, providers) = with_providers(|_| {}).await;
    let person = app.user("a@example.com").await;
    let body = returning(&app, &providers, "google", Some(&person.token)).await;
    app.clock.advance(Duration::from_secs(301));
    let stale = finish(&app, "google", &body, Some(&person.token)).await;
    assert_eq!(stale.outcome(), (401, "fresh_token_required"));
    let again =
        app.post(&person.token, "/auth/reauth", json!({"password": crate::harness::PASSWORD})).await.expect(200);
    let token = again["access_token"].as_str().unwrap();
    finish(&app, "google", &body, Some(token)).await.expect(201);
    assert_eq!(finish(&app, "google", &body, Some("no.such.token")).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn one_identity_has_one_user_and_one_user_one_login_of_a_provider() {
    let (app, providers) = with_providers(|_| {}).await;
    let (one, two) = (app.user("a@example.com").await, app.user("b@example.com").await);
    link(&app, &providers, "google", &one).await;
    let proof = json!({"access_token": providers.access_token()});
    assert_eq!(finish(&app, "google", &proof, Some(&two.token)).await.outcome(), (409, "conflict"));
    providers.account("1002", None, false);
    let proof = json!({"access_token": providers.access_token()});
    assert_eq!(finish(&app, "google", &proof, Some(&one.token)).await.outcome(), (409, "conflict"));
    finish(&app, "google", &proof, Some(&two.token)).await.expect(201);
    // Subjects are case-sensitive, whatever the engine's collation.
    let (three, four) = (app.user("c@example.com").await, app.user("d@example.com").await);
    for (subject, person) in [("AbC", &three), ("aBc", &four)] {
        providers.account(subject, None, false);
        finish(&app, "linkedin", &json!({"access_token": providers.access_token()}), Some(&person.token))
            .await
            .expect(201);
    }
}

#[actix_web::test]
async fn fifty_links_of_one_identity_are_one() {
    let (app, providers) = with_providers(|_| {}).await;
    let (one, two) = (app.user("a@example.com").await, app.user("b@example.com").await);
    let proof = json!({"access_token": providers.access_token()});
    let requests =
        (0..50).map(|n| finish(&app, "google", &proof, Some(if n % 2 == 0 { &one.token } else { &two.token })));
    let answers = futures_util::future::join_all(requests).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(201) + count(409) + count(503)), (1, 50));
}

#[actix_web::test]
async fn the_last_way_to_log_in_stays_even_if_two_are_taken_at_once() {
    let (app, providers) = with_providers(|_| {}).await;
    let token = log_in(&app, &providers, "google").await;
    assert_eq!(app.delete(&token, "/auth/social/google").await.outcome(), (409, "conflict"));
    for provider in ["github", "linkedin"] {
        let body = returning(&app, &providers, provider, Some(&token)).await;
        finish(&app, provider, &body, Some(&token)).await.expect(201);
    }
    let paths: Vec<_> = PROVIDERS.iter().map(|provider| format!("/auth/social/{provider}")).collect();
    let answers = futures_util::future::join_all(paths.iter().map(|path| app.delete(&token, path))).await;
    let gone = answers.iter().filter(|answer| answer.status.as_u16() == 200).count();
    assert_eq!(gone, 2, "{:?}", answers.iter().map(Answer::outcome).collect::<Vec<_>>());
    assert_eq!(app.get(&token, "/auth/social").await.expect(200)["total"], 1);
}

#[actix_web::test]
async fn a_state_counts_only_for_the_client_that_began_the_login() {
    let (app, providers) = with_providers(|_| {}).await;
    let (victim, attacker) = (app.user("a@example.com").await, app.user("b@example.com").await);
    let refused = (401, "invalid_credentials");
    // The attacker's login must not become the victim's.
    let theirs = returning(&app, &providers, "google", Some(&attacker.token)).await;
    assert_eq!(finish(&app, "google", &theirs, Some(&victim.token)).await.outcome(), refused);
    assert_eq!(finish(&app, "google", &theirs, Some(&attacker.token)).await.outcome(), refused, "it is spent");
    let nobodys = returning(&app, &providers, "google", None).await;
    assert_eq!(finish(&app, "google", &nobodys, Some(&victim.token)).await.outcome(), refused);
    let linking = returning(&app, &providers, "google", Some(&attacker.token)).await;
    assert_eq!(finish(&app, "google", &linking, None).await.outcome(), refused);
    let second = app.person("b@example.com").await;
    let of_first = returning(&app, &providers, "google", Some(&attacker.token)).await;
    assert_eq!(finish(&app, "google", &of_first, Some(&second.token)).await.outcome(), refused, "another session");
    for person in [&victim, &attacker] {
        assert_eq!(app.get(&person.token, "/auth/social").await.expect(200)["total"], 0);
    }
}

#[actix_web::test]
async fn a_second_login_in_the_same_browser_keeps_the_first_one_good() {
    let (app, _providers) = with_providers(|config| config.public_url = "https://bank.example/id".to_owned()).await;
    let first = app.send(app.request(Method::GET, "/auth/social/google/start", None)).await;
    let cookie = first.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-social_login=") && cookie.ends_with("; Secure"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let again = app.request(Method::GET, "/auth/social/github/start", None).header("Cookie", pair);
    let again = app.send(again).await;
    assert_eq!(again.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap(), pair);
    let url = again.body["authorization_url"].as_str().unwrap();
    assert!(url.contains("redirect_uri=https%3A%2F%2Fbank.example%2Fid%2Fauth%2Fsocial%2Fgithub%2Fcallback"), "{url}");
    let forged = app.request(Method::GET, "/auth/social/github/start", None).header("Host", "evil.example");
    assert!(!app.send(forged).await.body.to_string().contains("evil.example"));
    assert_eq!(start(&app, "google", None).await["expires_in"], 600);
}

#[actix_web::test]
async fn an_address_is_verified_where_the_provider_confirms_it_and_by_mail_elsewhere() {
    let (app, providers) = with_providers(|_| {}).await;
    for (number, provider) in PROVIDERS.into_iter().enumerate() {
        for verified in [true, false] {
            let email = format!("{provider}-{verified}@example.com");
            providers.account(&format!("{}{}", 5000 + number, u8::from(verified)), Some(&email), verified);
            let from = app.events().await.len();
            log_in(&app, &providers, provider).await;
            let events = app.events().await;
            let is_verified = events[from..].iter().any(|event| event.event_type.as_str() == "security.email_verified");
            // Facebook does not state whether an address is verified.
            assert_eq!(is_verified, verified && provider != "facebook", "{email}");
            let links = app.mails(&email).await.iter().filter(|mail| mail.0.template == "verify-email").count();
            assert_eq!(links == 1, !is_verified, "{email}");
        }
    }
}

/// A stranger is first, by a provider that lets it claim any address; then the owner verifies the address.
#[actix_web::test]
async fn the_owner_of_an_address_ends_what_a_stranger_has_linked_before() {
    let (app, providers) = with_providers(|_| {}).await;
    providers.account("6666", Some("victim@example.com"), false);
    let strangers = log_in(&app, &providers, "facebook").await;
    let linking = returning(&app, &providers, "github", Some(&strangers)).await;
    finish(&app, "github", &linking, Some(&strangers)).await.expect(201);
    app.post_anonymous("/auth/password/forgot", json!({"email": "victim@example.com"})).await.expect(202);
    let token = app.newest_mail("victim@example.com", "reset-password").await.token().to_owned();
    let body = json!({"token": token, "password": crate::harness::PASSWORD});
    app.post_anonymous("/auth/password/reset", body).await.expect(200);
    assert_eq!(app.get(&strangers, "/auth/me").await.status.as_u16(), 401);
    for provider in ["facebook", "github"] {
        let body = returning(&app, &providers, provider, None).await;
        assert_eq!(finish(&app, provider, &body, None).await.outcome(), (409, "link_required"), "{provider}");
    }
    let victim = app.person("victim@example.com").await;
    assert_eq!(app.get(&victim.token, "/auth/social").await.expect(200)["total"], 0);
}

#[actix_web::test]
async fn a_social_user_sets_a_password_and_may_then_unlink() {
    let (app, providers) = with_providers(|_| {}).await;
    let token = log_in(&app, &providers, "google").await;
    assert_eq!(app.delete(&token, "/auth/social/google").await.outcome(), (409, "conflict"));
    app.put(&token, "/auth/password", json!({"new_password": crate::harness::PASSWORD})).await.expect(200);
    assert_eq!(app.get(&token, "/auth/social").await.expect(200)["has_password"], true);
    app.delete(&token, "/auth/social/google").await.expect(200);
    app.login("john.doe@example.com", crate::harness::PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn the_page_that_a_provider_sends_back_to_shows_nothing_of_its_address() {
    let (app, _providers) = with_providers(|_| {}).await;
    let path = "/auth/social/github/callback?code=%3Cscript%3E&state=secret-state";
    let answer = app.send(app.request(Method::GET, path, None)).await;
    assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = answer.expect(200).as_str().unwrap().to_owned();
    assert!(page.contains("POST /auth/social/github") && !page.contains("secret-state") && !page.contains("script>"));
}

#[actix_web::test]
async fn a_second_factor_is_required_after_a_social_login_too() {
    let (app, providers) = with_providers(|_| {}).await;
    let user = secured(&app, "a@example.com").await;
    link(&app, &providers, "github", &user.person).await;
    let proofs = [returning(&app, &providers, "github", None).await, json!({"access_token": providers.access_token()})];
    for proof in proofs {
        let answer = finish(&app, "github", &proof, None).await;
        assert_eq!(answer.outcome(), (401, "mfa_required"));
        assert!(answer.body.get("access_token").is_none());
        let challenge = answer.body["mfa_token"].as_str().unwrap();
        let tokens = give(&app, challenge, &user.phone.code(&app)).await.expect(200);
        let token_claims = claims(tokens["access_token"].as_str().unwrap());
        assert_eq!(
            (&token_claims["user_id"], &token_claims["amr"]),
            (&json!(user.person.id), &json!(["fed", "otp", "mfa"]))
        );
        app.clock.advance(Duration::from_secs(30));
    }
}
