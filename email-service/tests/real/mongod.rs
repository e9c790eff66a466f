//! A mongod for one test that belongs to no replica set. The binary is the one that serves `MONGODB_URI`.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::doc;

use crate::engine::variable;

const LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Mongod {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Mongod {
    pub(crate) fn alone() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(binary());
        command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--port"]);
        command.arg(port.to_string()).arg("--dbpath").arg(folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < LIMIT, "mongod does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { child, port, _folder: folder }
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/email", self.port)
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The executable of the server behind `MONGODB_URI` if it runs on this machine, else `mongod`.
fn binary() -> PathBuf {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let status = runtime.block_on(async {
        let client = Client::with_uri_str(variable(&["MONGODB_URI"])).await.unwrap();
        client.database("admin").run_command(doc! { "serverStatus": 1, "repl": 0, "metrics": 0 }).await.unwrap()
    });
    let of_process = std::fs::read_link(format!("/proc/{}/exe", status.get_i64("pid").unwrap())).ok();
    of_process.filter(|path| path.ends_with("mongod") && path.is_file()).unwrap_or_else(|| "mongod".into())
}
