//! The real servers: their addresses, and how one is killed and started again. `deploy/local` made them for this run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use mysql_async::prelude::Queryable as _;
use tokio::process::Command;
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Database,
    Broker,
    LogStore,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Database, Self::Broker, Self::LogStore];

    /// The engine's role, whichever product serves this run.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Broker => "broker",
            Self::LogStore => "log-store",
        }
    }
}

pub(crate) struct Servers {
    scripts: PathBuf,
    run_dir: PathBuf,
    /// The names of database and broker in `deploy/local`.
    database: String,
    broker: String,
    broker_logs: PathBuf,
    rabbitmqctl: PathBuf,
    mysql: Url,
    amqp: Url,
    mongo: Url,
}

fn variable(name: &str) -> anyhow::Result<String> {
    let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
    value.with_context(|| format!("{name} is not set; run this by deploy/system-tests/fault-test.sh"))
}

fn address(url: &Url) -> anyhow::Result<SocketAddr> {
    let port = url.port().context("a server's URL has no port")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

impl Servers {
    /// From the variables that `deploy/local/with.sh` sets.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let env = PathBuf::from(variable("REAL_SERVERS_ENV")?);
        Ok(Self {
            scripts: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../local"),
            run_dir: env.parent().context("REAL_SERVERS_ENV is no file")?.to_owned(),
            database: variable("DATABASE_SERVER")?,
            broker: variable("BROKER_SERVER")?,
            broker_logs: variable("BROKER_LOG")?.into(),
            rabbitmqctl: variable("RABBITMQ_CTL")?.into(),
            mysql: Url::parse(&variable("DATABASE_URL")?).context("DATABASE_URL")?,
            amqp: Url::parse(&variable("AMQP_URI")?).context("AMQP_URI")?,
            mongo: Url::parse(&variable("MONGODB_URI")?).context("MONGODB_URI")?,
        })
    }

    pub(crate) fn address(&self, engine: Engine) -> anyhow::Result<SocketAddr> {
        address(match engine {
            Engine::Database => &self.mysql,
            Engine::Broker => &self.amqp,
            Engine::LogStore => &self.mongo,
        })
    }

    /// An empty database and virtual host of this name, for one environment.
    pub(crate) async fn create_namespace(&self, name: &str) -> anyhow::Result<()> {
        let pool = mysql_async::Pool::from_url(self.mysql.as_str())?;
        let mut connection = pool.get_conn().await.context("database")?;
        connection.query_drop(format!("DROP DATABASE IF EXISTS {name}")).await?;
        connection.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await?;
        drop(connection);
        pool.disconnect().await?;
        self.rabbitmqctl(&["add_vhost", name]).await?;
        self.rabbitmqctl(&["set_permissions", "-p", name, "bank", ".*", ".*", ".*"]).await?;
        Ok(())
    }

    pub(crate) async fn remove_namespace(&self, name: &str) -> anyhow::Result<()> {
        self.rabbitmqctl(&["delete_vhost", name]).await?;
        Ok(())
    }

    /// The output of the command.
    pub(crate) async fn rabbitmqctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.rabbitmqctl).args(arguments).output().await.context("rabbitmqctl")?;
        if !output.status.success() {
            bail!("rabbitmqctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The last warnings and errors in the broker's log.
    pub(crate) fn broker_log(&self, most: usize) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.broker_logs) else { return Vec::new() };
        let mut lines: Vec<String> = files
            .flatten()
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .flat_map(|text| {
                let serious = |line: &&str| line.contains("[error]") || line.contains("[warning]");
                text.lines().filter(serious).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        // Each begins with its time.
        lines.sort_unstable();
        lines.split_off(lines.len().saturating_sub(most))
    }

    /// The database, directly or by way of a proxy's port.
    pub(crate) fn mysql(&self, name: &str, port: Option<u16>) -> anyhow::Result<String> {
        rewritten(&self.mysql, port, &format!("/{name}"), None)
    }

    pub(crate) fn amqp(&self, name: &str, port: Option<u16>) -> anyhow::Result<String> {
        rewritten(&self.amqp, port, &format!("/{name}"), None)
    }

    /// Direct, since a client that knows the replica set would bypass the proxy.
    pub(crate) fn mongo(&self, path: &str, port: Option<u16>) -> anyhow::Result<String> {
        rewritten(&self.mongo, port, path, Some("directConnection=true"))
    }

    /// Its name in `deploy/local`.
    fn server(&self, engine: Engine) -> &str {
        match engine {
            Engine::Database => &self.database,
            Engine::Broker => &self.broker,
            Engine::LogStore => "mongodb",
        }
    }

    /// kill -9.
    pub(crate) async fn kill(&self, engine: Engine) -> anyhow::Result<()> {
        self.script("down.sh", &["--kill", self.server(engine)]).await
    }

    /// On the same port, with the same data; returns once it answers.
    pub(crate) async fn start_again(&self, engine: Engine) -> anyhow::Result<()> {
        self.script("up.sh", &[self.server(engine)]).await
    }

    /// Stops the process with SIGSTOP; connections stay.
    pub(crate) async fn freeze(&self, engine: Engine) -> anyhow::Result<()> {
        self.signal(engine, "-STOP").await
    }

    /// Resumes it where it was.
    pub(crate) async fn thaw(&self, engine: Engine) -> anyhow::Result<()> {
        self.signal(engine, "-CONT").await
    }

    /// To the server's whole process group.
    async fn signal(&self, engine: Engine, signal: &str) -> anyhow::Result<()> {
        let name = self.server(engine);
        let file = self.run_dir.join(name).join(format!("{name}.pid"));
        let pid = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let group = format!("-{}", pid.trim());
        let status = Command::new("kill").args([signal, "--", &group]).status().await?;
        if !status.success() {
            bail!("kill {signal} {group}: {status}");
        }
        Ok(())
    }

    async fn script(&self, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(self.scripts.join(name));
        command.args(arguments).env("LOCAL_RUN_DIR", &self.run_dir);
        let output = command.stdin(Stdio::null()).output().await.with_context(|| name.to_owned())?;
        if !output.status.success() {
            bail!("{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

fn rewritten(url: &Url, port: Option<u16>, path: &str, query: Option<&str>) -> anyhow::Result<String> {
    let mut url = url.clone();
    if port.is_some() {
        url.set_port(port).ok().context("a port")?;
    }
    url.set_path(path);
    url.set_query(query);
    Ok(url.into())
}
