//! One request, repeated on one kept connection: HTTP/1.1 with as little work as possible, so that the load takes little from
//! the measured processes.

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const MAX_BODY: usize = 64 * 1024;

pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: String,
    body: Vec<u8>,
}

impl Wire {
    /// `origin` is `http://host:port`.
    pub(crate) async fn post(origin: &str, path: &str, token: &str, body: &str) -> anyhow::Result<Self> {
        let host = origin.strip_prefix("http://").with_context(|| format!("{origin} is not plain HTTP"))?;
        let stream = TcpStream::connect(host).await.with_context(|| origin.to_owned())?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Self {
            stream: BufReader::new(stream),
            request: request.into_bytes(),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Sends the request; an answer other than 201 is an error.
    pub(crate) async fn exchange(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.request).await?;
        let status = self.read_line().await?.to_owned();
        let mut length = None;
        loop {
            let line = self.read_line().await?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.filter(|length| *length <= MAX_BODY).context("an answer of unknown length")?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        if !status.starts_with("HTTP/1.1 201") {
            bail!("a POST was answered {status}: {}", String::from_utf8_lossy(&self.body));
        }
        Ok(())
    }

    async fn read_line(&mut self) -> anyhow::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line).await? == 0 {
            bail!("the connection was closed");
        }
        Ok(self.line.trim_end())
    }
}
