//! A mongod for one test, to be stopped, killed and started again. The binary is the one that serves `MONGODB_URI`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use stand_ins::ports::free_port;
use test_support::eventually;

use crate::backend::uri;

pub(crate) struct Mongod {
    binary: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Child,
}

impl Mongod {
    /// Starts a replica set of one and waits until it is the primary.
    pub(crate) async fn start() -> Self {
        let server = Self::start_with(&["--replSet", "rs0"]).await;
        server.initiate(&[server.address()]).await;
        server.wait_for_primary().await;
        server
    }

    /// Starts a replica set of three that elects within a second or two.
    pub(crate) async fn start_set() -> Vec<Self> {
        let mut set = Vec::new();
        for _ in 0..3 {
            set.push(Self::start_with(&["--replSet", "rs0"]).await);
        }
        let addresses: Vec<String> = set.iter().map(Self::address).collect();
        set[0].initiate(&addresses).await;
        eventually("one of them is the primary", async || {
            let answers = futures_util::future::join_all(set.iter().map(Self::is_primary)).await;
            answers.contains(&true)
        })
        .await;
        set
    }

    async fn initiate(&self, addresses: &[String]) {
        let members = addresses.iter().zip(0..).map(|(host, n)| doc! { "_id": n, "host": host });
        let members: Vec<Document> = members.collect();
        let settings = doc! { "electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 200 };
        let set = doc! { "_id": "rs0", "members": members, "settings": settings };
        self.admin().await.run_command(doc! { "replSetInitiate": set }).await.unwrap();
    }

    pub(crate) async fn is_primary(&self) -> bool {
        let hello = self.admin().await.run_command(doc! { "hello": 1 }).await;
        hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
    }

    /// Starts with these arguments and waits until it answers.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let binary = binary().await;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let child = run(&binary, &folder, port, &arguments);
        let server = Self { binary, folder, port, arguments, child };
        let admin = server.admin().await;
        eventually("mongod answers", async || admin.run_command(doc! { "hello": 1 }).await.is_ok()).await;
        server
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=rs0", self.port)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The database `admin`, by a direct connection.
    pub(crate) async fn admin(&self) -> mongodb::Database {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=500", self.port);
        Client::with_uri_str(uri).await.unwrap().database("admin")
    }

    /// SIGKILL: writes that are not in the journal are lost.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The server accepts connections but answers nothing, until [`Self::resume`].
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Starts it again on its data, and waits until it is the primary.
    pub(crate) async fn restart(&mut self) {
        self.child = run(&self.binary, &self.folder, self.port, &self.arguments);
        self.wait_for_primary().await;
    }

    async fn wait_for_primary(&self) {
        eventually("mongod is the primary", async || self.is_primary().await).await;
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(binary: &PathBuf, folder: &tempfile::TempDir, port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new(binary);
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--port"]);
    command.arg(port.to_string()).arg("--dbpath").arg(folder.path()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The executable of the server behind `MONGODB_URI` if it runs on this machine, else `mongod`.
async fn binary() -> PathBuf {
    let client = Client::with_uri_str(uri()).await.unwrap();
    let status =
        client.database("admin").run_command(doc! { "serverStatus": 1, "repl": 0, "metrics": 0 }).await.unwrap();
    let pid = status.get_i64("pid").unwrap();
    let of_process = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    of_process.filter(|path| path.ends_with("mongod") && path.is_file()).unwrap_or_else(|| "mongod".into())
}
