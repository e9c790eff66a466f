//! The all-in-one process on SQLite; its mails go to the real mail server.

use std::time::Duration;

use stand_ins::place::variable;
use stand_ins::ports::free_port;
use tempfile::TempDir;

use crate::fixture::{Fixture, Others, Store, secrets};
use crate::inbox::Inbox;
use crate::process::{Process, environment};

pub(crate) async fn start() -> Fixture {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let [bank, log, email] = [(); 3].map(|()| format!("127.0.0.1:{}", free_port()));
    let url = |address: &str| format!("http://{address}");
    let others = Others::start(&url(&bank));
    let mut operator = others.variables(folder.path(), &url(&bank));
    operator.extend(environment([("DATABASE_URL", format!("sqlite:{}", data.join("bank.sqlite").display()))]));
    let mut variables = others.variables(folder.path(), &url(&bank));
    variables.extend(environment([
        ("DATA_DIR", data.display().to_string()),
        ("BANK_BIND", bank.clone()),
        ("LOG_BIND", log.clone()),
        ("EMAIL_BIND", email.clone()),
        ("MAIL_URL", format!("smtp://{}:{}?tls=none", variable("SMTP_HOST"), variable("SMTP_PORT"))),
    ]));
    let process = Process::start("bank-standalone", folder.path(), &variables, &url(&bank)).await;
    Fixture {
        name: "embedded",
        bank: url(&bank),
        log: url(&log),
        email: url(&email),
        http: service_kit::http::client(Duration::from_secs(20)),
        inbox: Inbox::new(&variable("SMTP_API_URL")),
        others,
        secrets: secrets(),
        operator,
        store: Store::Files(data),
        folder,
        processes: vec![process],
    }
}
