//! Users of another system: one with the password from there, one who is invited to choose one.

use serde_json::json;

use crate::fixture::{Fixture, OTHER, PASSWORD};
use crate::process::run;

/// Flask's hash of [`PASSWORD`].
const WERKZEUG: &str =
    "pbkdf2:sha256:260000$Wk8fXo2TqLrN5sYa$190531f14f146490dc44f1548a0fd75c9fac4f826ea8b786443b828a696e50ff";

pub(crate) async fn log_in(fixture: &Fixture) {
    let (known, invited) = (fixture.address("ned"), fixture.address("oda"));
    let rows = format!(
        "customer_id,email,password_hash,country,language,is_active,roles\n\
         1001,{known},{WERKZEUG},PT,pt-BR,true,user\n1002,{invited},,DE,de,true,user;manager\n"
    );
    std::fs::write(fixture.folder.path().join("users.csv"), rows).unwrap();
    let arguments = ["import-users", "users.csv", "--apply"];
    for expected in ["2 created (1 with an invitation), 0 unchanged", "0 created (0 with an invitation), 2 unchanged"] {
        let output = run("bank-service", &arguments, fixture.folder.path(), &fixture.operator).await;
        assert!(output.contains(expected), "{output}");
    }
    fixture.refused(&known, OTHER).await;
    for _ in 0..2 {
        let person = fixture.log_in(&known, PASSWORD).await;
        assert_eq!(fixture.get(&person, "/auth/me").await["country"], "PT");
    }
    let token = fixture.inbox.mail(&invited, "You are invited").await.token("/auth/password/reset/");
    fixture.secrets.keep("an invitation", &token);
    fixture.post(None, "/auth/password/reset", json!({"token": token, "password": OTHER}), 200).await;
    let person = fixture.log_in(&invited, OTHER).await;
    assert_eq!(fixture.get(&person, "/auth/me").await["roles"], json!(["manager", "user"]));
    assert_eq!(fixture.inbox.all(&known, "").await.len(), 0, "nobody who has a password is written to");
}
