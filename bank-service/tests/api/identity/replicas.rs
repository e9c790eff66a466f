//! The end of a session, a block or a role applies at once on the replica of the change, and within a second on another one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::eventually;

use crate::database;
use crate::harness::{PASSWORD, Person, TestApp};

const WITHIN: Duration = Duration::from_secs(1);

/// Two services on one database.
pub(crate) async fn two_replicas() -> (TestApp, TestApp) {
    let one = TestApp::start().await;
    let database = database::of(one.folder.path()).await;
    let folder = TempDir::new().unwrap();
    let two = TestApp::start_in(folder, Arc::clone(&one.clock), |config| config.database_url = database).await;
    (one, two)
}

async fn status(app: &TestApp, person: &Person) -> u16 {
    app.get(&person.token, "/auth/me").await.status.as_u16()
}

/// The status of a request that begins a second after the change; the duration of the request itself does not matter.
async fn a_second_later(app: &TestApp, person: &Person) -> u16 {
    tokio::time::sleep(WITHIN).await;
    status(app, person).await
}

#[actix_web::test]
async fn a_logout_a_block_and_a_new_password_reach_the_other_replica() {
    let (one, two) = two_replicas().await;
    let admin = one.admin().await;
    let out = one.user("out@example.com").await;
    assert_eq!(status(&two, &out).await, 200);
    one.post(&out.token, "/auth/logout", Value::Null).await.expect(200);
    assert_eq!((status(&one, &out).await, a_second_later(&two, &out).await), (401, 401));

    let blocked = one.user("blocked@example.com").await;
    assert_eq!(status(&two, &blocked).await, 200);
    let path = format!("/api/users/{}", blocked.id);
    one.put(&admin.token, &path, json!({"is_blocked": true})).await.expect(200);
    assert_eq!((status(&one, &blocked).await, a_second_later(&two, &blocked).await), (403, 403));

    let (here, there) = (one.user("a@example.com").await, one.person("a@example.com").await);
    assert_eq!((status(&two, &here).await, status(&two, &there).await), (200, 200));
    let body = json!({"existing_password": PASSWORD, "new_password": "another horse, another staple"});
    one.put(&here.token, "/auth/password", body).await.expect(200);
    assert_eq!((status(&one, &there).await, a_second_later(&two, &there).await), (401, 401));
    assert_eq!(status(&two, &here).await, 200, "the session that changed it goes on");
}

#[actix_web::test]
async fn a_demotion_and_a_reset_second_factor_reach_the_other_replica() {
    let (one, two) = two_replicas().await;
    let admin = one.admin().await;
    let manager = one.manager(&admin).await;
    let create = async |app: &TestApp, name: &str| {
        app.post(&manager.token, "/api/banks", json!({"name": name})).await.status.as_u16()
    };
    assert_eq!(create(&two, "First").await, 201);
    let path = format!("/api/users/{}", manager.id);
    one.put(&admin.token, &path, json!({"roles": ["user"]})).await.expect(200);
    assert_eq!(create(&one, "Second").await, 403);
    tokio::time::sleep(WITHIN).await;
    assert_eq!(create(&two, "Third").await, 403);

    let user = super::authenticator::secured(&one, "a@example.com").await;
    assert_eq!(status(&two, &user.person).await, 200);
    one.delete(&admin.token, &format!("/api/users/{}/mfa", user.person.id)).await.expect(200);
    assert_eq!((status(&one, &user.person).await, a_second_later(&two, &user.person).await), (401, 401));
}

#[actix_web::test]
async fn a_signing_key_that_one_replica_made_is_found_by_the_other() {
    let (one, two) = two_replicas().await;
    one.user("a@example.com").await;
    two.running.state.identity.keys().replace_compromised().await.unwrap();
    let person = two.person("a@example.com").await;
    eventually("the key is known", async || status(&one, &person).await == 200).await;
}
