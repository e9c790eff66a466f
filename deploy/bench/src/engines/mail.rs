//! A mail server that accepts everything and keeps nothing, and bare lettre against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use lettre::Message;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use service_kit::task;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::per_second;

const LIMIT: Duration = Duration::from_mins(3);

#[derive(Debug, Args)]
pub(crate) struct Sink {
    /// Where it listens
    #[arg(long)]
    listen: String,
    /// Ends after so many mails, and prints their rate from the first to the last
    #[arg(long)]
    count: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Bare {
    #[arg(long)]
    to: String,
    #[arg(long)]
    count: u64,
    /// As many as email-service may have
    #[arg(long, default_value_t = 8)]
    connections: u64,
}

#[derive(Default)]
struct Taken {
    count: AtomicU64,
    moved: Notify,
}

pub(crate) async fn sink(sink: &Sink) -> anyhow::Result<String> {
    let listener = TcpListener::bind(&sink.listen).await.context("--listen")?;
    let taken = Arc::new(Taken::default());
    let accepting = task::spawn("sink", accept(listener, Arc::clone(&taken)));
    let until = async |count: u64| {
        while taken.count.load(Ordering::Acquire) < count {
            taken.moved.notified().await;
        }
        Instant::now()
    };
    let waited = tokio::time::timeout(LIMIT, async { (until(1).await, until(sink.count).await) }).await;
    accepting.abort();
    let Ok((first, last)) = waited else {
        bail!("only {} mails came within {} s", taken.count.load(Ordering::Acquire), LIMIT.as_secs());
    };
    Ok(format!("rate={}", per_second(sink.count.saturating_sub(1), last - first)))
}

async fn accept(listener: TcpListener, taken: Arc<Taken>) {
    while let Ok((stream, _)) = listener.accept().await {
        let taken = Arc::clone(&taken);
        // A client that disconnects is no fault.
        drop(task::spawn("sink-client", async move { drop(serve(stream, &taken).await) }));
    }
}

async fn serve(stream: TcpStream, taken: &Taken) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => stream.write_all(b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n").await?,
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                while line != ".\r\n" {
                    line.clear();
                    if stream.read_line(&mut line).await? == 0 {
                        return Ok(());
                    }
                }
                stream.write_all(b"250 taken\r\n").await?;
                taken.count.fetch_add(1, Ordering::AcqRel);
                taken.moved.notify_one();
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(b"250 ok\r\n").await?,
        }
    }
}

/// The ceiling of email-service: the same number of connections, each kept, without Nagle's delay.
pub(crate) async fn bare(bare: &Bare) -> anyhow::Result<String> {
    let begun = Instant::now();
    let each = bare.count / bare.connections.max(1);
    let clients: Vec<_> = (0..bare.connections).map(|_| task::spawn("lettre", send(bare.to.clone(), each))).collect();
    for client in clients {
        client.await??;
    }
    Ok(format!("rate={}", per_second(each * bare.connections, begun.elapsed())))
}

async fn send(to: String, count: u64) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&to).await?;
    stream.set_nodelay(true)?;
    let hello = ClientId::Domain("bench.localhost".to_owned());
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?;
    for number in 0..count {
        let mail = Message::builder()
            .from("Bank <no-reply@bank.localhost>".parse()?)
            .to("operator@bank.localhost".parse()?)
            .subject(format!("Bank {number}"))
            .body("A bank was created.\r\n".repeat(40))?;
        connection.send(mail.envelope(), &mail.formatted()).await?;
    }
    // The server has all mails, and may have closed before QUIT.
    drop(connection.quit().await);
    Ok(())
}
