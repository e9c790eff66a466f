//! The three services as processes of their own, with a database, a virtual host and collections that are theirs alone.

use std::path::Path;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use stand_ins::place::variable;
use stand_ins::ports::free_port;
use tempfile::TempDir;
use tokio::process::Command;

use crate::fixture::{Fixture, Others, Store, secrets};
use crate::inbox::Inbox;
use crate::process::{Environment, Process, environment, run};

/// The same server, another path.
fn at(server: &str, path: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(path);
    url.into()
}

async fn make_database(name: &str) -> String {
    let server = variable("DATABASE_URL");
    let mut connection = mysql_async::Conn::from_url(&server).await.expect("DATABASE_URL: the server to answer");
    connection.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
    connection.disconnect().await.unwrap();
    at(&server, name)
}

async fn make_virtual_host(name: &str) -> String {
    for arguments in [vec!["add_vhost", name], vec!["set_permissions", "-p", name, "bank", ".*", ".*", ".*"]] {
        let output = Command::new(variable("RABBITMQ_CTL")).args(&arguments).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    at(&variable("AMQP_URI"), name)
}

pub(crate) async fn start() -> Fixture {
    start_with(&Environment::new()).await
}

/// The same with more variables for all three.
pub(crate) async fn start_with(more: &Environment) -> Fixture {
    let folder = TempDir::new().unwrap();
    let name = format!("flows_{}", &service_kit::ids::new_uuid().simple().to_string()[20..]);
    let (database, broker) = (make_database(&name).await, make_virtual_host(&name).await);
    let documents = variable("MONGODB_URI");
    let documents_of = [format!("{name}_log"), format!("{name}_mail")];
    let [bank, log, email] = [(); 3].map(|()| format!("127.0.0.1:{}", free_port()));
    let url = |address: &str| format!("http://{address}");
    let others = Others::start(&url(&bank));
    let mut operator = others.variables(folder.path(), &url(&bank));
    operator.extend(environment([
        ("DATABASE_URL", database.clone()),
        ("AMQP_URI", broker.clone()),
        ("BANK_BIND", bank.clone()),
        ("LOG_SERVICE_URL", url(&log)),
        ("EMAIL_SERVICE_URL", url(&email)),
    ]));
    let common = [("AMQP_URI", broker.clone()), ("JWKS_URL", format!("{}/.well-known/jwks.json", url(&bank)))];
    let mut log_variables = environment(common.clone());
    log_variables.extend(environment([
        ("LOG_BIND", log.clone()),
        ("MONGODB_URI", documents.clone()),
        ("MONGODB_NAME", documents_of[0].clone()),
    ]));
    let mut email_variables = environment(common);
    email_variables.extend(environment([
        ("EMAIL_BIND", email.clone()),
        ("EMAIL_DATABASE_URL", at(&documents, &documents_of[1])),
        ("EMAIL_HOST", variable("SMTP_HOST")),
        ("EMAIL_PORT", variable("SMTP_PORT")),
        ("EMAIL_SMTP_TLS", "none".to_owned()),
    ]));
    for variables in [&mut operator, &mut log_variables, &mut email_variables] {
        variables.extend_from_slice(more);
    }
    let processes = start_all(
        folder.path(),
        [
            ("bank-service", &operator, &url(&bank)),
            ("log-service", &log_variables, &url(&log)),
            ("email-service", &email_variables, &url(&email)),
        ],
    )
    .await;
    Fixture {
        name: "real",
        bank: url(&bank),
        log: url(&log),
        email: url(&email),
        http: service_kit::http::client(Duration::from_secs(20)),
        inbox: Inbox::new(&variable("SMTP_API_URL")),
        others,
        secrets: secrets(),
        operator,
        folder,
        store: Store::Servers { database, documents, documents_of, broker },
        processes,
    }
}

async fn start_all(folder: &Path, services: [(&str, &Environment, &String); 3]) -> Vec<Process> {
    run("bank-service", &["init"], folder, services[0].1).await;
    let mut processes = Vec::new();
    for (binary, variables, url) in services {
        processes.push(Process::start(binary, folder, variables, url).await);
    }
    processes
}
