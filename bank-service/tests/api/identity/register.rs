//! Registration.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApp};

fn body(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

#[actix_web::test]
async fn a_registration_answers_with_the_new_user() {
    let app = TestApp::start().await;
    let answer = app.post_anonymous("/auth/register", body("john.doe@example.com")).await.expect(201);
    assert_eq!(answer["msg"], "item created");
    let item = &answer["item"];
    let expected = json!({
        "id": 1, "email": "john.doe@example.com", "roles": ["user"], "is_blocked": false, "blocked_on": null,
        "last_login_date": null, "registered_on": "2026-01-16T17:10:26Z",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&item[name], value, "{name}");
    }
    assert!(item.get("password").is_none() && item.get("password_hash").is_none());
    assert_eq!(app.event_types(0).await, ["user.created"]);
    let event = app.events().await.remove(0);
    assert_eq!(event.body.data, json!({"id": 1, "email": "john.doe@example.com"}));
}

#[actix_web::test]
async fn roles_and_block_in_the_body_never_take_effect() {
    let app = TestApp::start().await;
    let body = json!({"email": "a@example.com", "password": PASSWORD, "roles": ["admin"], "is_blocked": true});
    let item = app.post_anonymous("/v1/auth/register", body).await.item(201);
    assert_eq!((&item["roles"], &item["is_blocked"]), (&json!(["user"]), &json!(false)));
}

#[actix_web::test]
async fn a_profile_may_come_with_a_registration() {
    let app = TestApp::start().await;
    let mut request = body("a@example.com");
    request["first_name"] = json!("Zoë");
    request["country"] = json!("pt");
    request["username"] = Value::Null;
    let item = app.post_anonymous("/auth/register", request).await.item(201);
    assert_eq!((&item["first_name"], &item["country"], &item["username"]), (&json!("Zoë"), &json!("PT"), &Value::Null));
}

#[actix_web::test]
async fn all_faults_come_at_once() {
    let app = TestApp::start().await;
    let body = json!({"email": "nobody", "password": "short", "country": "Portugal", "is_admin": true});
    let answer = app.post_anonymous("/auth/register", body).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    let names: Vec<_> = answer.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["country", "email", "is_admin", "password"]);
    assert!(!answer.body.to_string().contains("short\""), "the password is repeated");
    assert!(app.events().await.is_empty());
}

#[actix_web::test]
async fn a_weak_password_is_reported_with_all_other_faults() {
    let app = TestApp::start_with(|config| config.password_min_score = Some(3)).await;
    let admin = app.admin().await;
    let faults = |answer: crate::harness::Answer| {
        assert_eq!(answer.outcome(), (422, "validation_failed"));
        answer.body["errors"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let body = json!({"email": "nobody", "password": "password1", "country": "Portugal"});
    assert_eq!(faults(app.post_anonymous("/auth/register", body).await), ["country", "email", "password"]);
    let strong = json!({"email": "nobody", "password": PASSWORD});
    assert_eq!(faults(app.post_anonymous("/auth/register", strong).await), ["email"]);
    let body = json!({"email": "nobody", "password": "password1"});
    assert_eq!(faults(app.post(&admin.token, "/api/users", body).await), ["email", "password"]);
    let body = json!({"token": "t", "email": "a@example.com", "password": "password1"});
    assert_eq!(faults(app.post_anonymous("/auth/password/reset", body).await), ["email", "password"]);
    let body = json!({"existing_password": 1, "new_password": "password1"});
    let answer = app.put(&admin.token, "/auth/password", body).await;
    assert_eq!(faults(answer), ["existing_password", "new_password"]);
}

#[actix_web::test]
async fn an_address_is_taken_in_any_case() {
    let app = TestApp::start().await;
    app.user("John.Doe@example.com").await;
    let answer = app.post_anonymous("/auth/register", body("  john.doe@EXAMPLE.com ")).await;
    assert_eq!(answer.outcome(), (409, "conflict"));
    assert_eq!(app.login("JOHN.DOE@example.com", PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn fifty_registrations_of_one_address_make_one_user() {
    let app = TestApp::start().await;
    let requests = (0..50).map(|_| app.post_anonymous("/auth/register", body("race@example.com")));
    let answers = futures_util::future::join_all(requests).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(201) + count(409) + count(503)), (1, 50));
    assert_eq!(app.event_types(0).await, ["user.created"]);
}

#[actix_web::test]
async fn passwords_have_eight_to_128_characters_and_are_not_cut() {
    let app = TestApp::start().await;
    let register = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        app.post_anonymous("/auth/register", body).await.status.as_u16()
    };
    assert_eq!(register("a@example.com", "1234567").await, 422);
    assert_eq!(register("b@example.com", "12345678").await, 201);
    let longest = "pässwörd".repeat(16);
    assert_eq!(register("c@example.com", &longest).await, 201);
    assert_eq!(register("d@example.com", &format!("{longest}x")).await, 422);
    assert_eq!(app.login("c@example.com", &longest).await.status.as_u16(), 200);
    let cut: String = longest.chars().take(127).collect();
    assert_eq!(app.login("c@example.com", &cut).await.outcome(), (401, "invalid_credentials"));
    let decomposed = "pa\u{308}sswo\u{308}rd".repeat(16);
    assert_eq!(app.login("c@example.com", &decomposed).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_guessable_password_is_refused_where_strength_is_required() {
    let app = TestApp::start_with(|config| config.password_min_score = Some(3)).await;
    let register = async |password: &str| {
        let body = json!({"email": "cassandra.montgomery@example.com", "password": password});
        app.post_anonymous("/auth/register", body).await
    };
    for weak in ["password123", "cassandramontgomery"] {
        let answer = register(weak).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{weak}");
        assert!(answer.body["errors"]["password"][0].as_str().unwrap().contains("guess"));
    }
    assert_eq!(register(PASSWORD).await.status.as_u16(), 201);
}

#[actix_web::test]
async fn the_same_idempotency_key_registers_once() {
    let app = TestApp::start().await;
    let send = async |email: &str| {
        let request = app.client.post(app.url("/auth/register")).header("Idempotency-Key", "k-1").json(&body(email));
        app.send(request).await
    };
    let (first, second) = (send("a@example.com").await, send("a@example.com").await);
    assert_eq!((first.status.as_u16(), &first.body), (second.status.as_u16(), &second.body));
    assert_eq!(send("b@example.com").await.outcome(), (422, "idempotency_key_reused"));
    assert_eq!(app.event_types(0).await, ["user.created"]);
}

#[actix_web::test]
async fn a_key_counts_in_the_network_of_its_sender_and_strangers_elsewhere_do_not_meet_it() {
    let app = TestApp::start_with(|config| "127.0.0.1".clone_into(&mut config.trusted_proxies)).await;
    let send = async |from: &str, email: &str| {
        let request = app.client.post(app.url("/auth/register")).header("Idempotency-Key", "1").json(&body(email));
        app.send(request.header("X-Forwarded-For", from)).await
    };
    let first = send("192.0.2.1", "a@example.com").await.item(201);
    assert_eq!(send("192.0.2.200", "a@example.com").await.item(201), first, "a telephone's address has changed");
    assert_eq!(send("198.51.100.1", "b@example.com").await.status.as_u16(), 201);
    assert_eq!(send("192.0.2.200", "c@example.com").await.outcome(), (422, "idempotency_key_reused"));
    let first = send("2001:db8:1:200::1", "d@example.com").await.item(201);
    assert_eq!(send("2001:db8:1:2ff::1", "d@example.com").await.item(201), first, "a /56");
}

#[actix_web::test]
async fn registrations_from_one_address_are_limited() {
    let app = TestApp::start_with(|config| config.rate_register_per_hour = 2).await;
    for email in ["a@example.com", "b@example.com"] {
        app.post_anonymous("/auth/register", body(email)).await.expect(201);
    }
    let answer = app.post_anonymous("/auth/register", body("c@example.com")).await;
    assert_eq!(answer.outcome(), (429, "too_many_requests"));
    assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
}
