//! A response body that is written as it is read: bounded, and dropped when its reader is too slow.
//!
//! A task fills it, the connection drains it. The buffer holds a few chunks; a task that cannot place one in time gives up,
//! which ends the task, not the process's memory. An unfinished body ends in an error, so that a client can distinguish a
//! short answer from a complete one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

/// Chunks that wait for the connection.
const CHUNKS: usize = 8;
/// The bytes of a chunk; one entry may exceed it.
pub const CHUNK_BYTES: usize = 32 * 1024;

enum Piece {
    Chunk(Bytes),
    End,
}

/// The writing end. Clones write to the same body, which stays open while one of them exists.
#[derive(Clone)]
pub struct Feed {
    sender: mpsc::Sender<Piece>,
    send_limit: Duration,
}

/// The reader has gone or is too slow.
#[derive(Debug)]
pub struct Gone;

/// The reading end: the body.
pub struct FeedBody {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

/// A feed whose reader may delay it for so long.
pub fn feed(send_limit: Duration) -> (Feed, FeedBody) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    (Feed { sender, send_limit }, FeedBody { receiver, ended: false })
}

impl Feed {
    /// Places a chunk; an empty one has no effect.
    pub async fn send(&self, chunk: impl Into<Bytes>) -> Result<(), Gone> {
        let chunk = chunk.into();
        if chunk.is_empty() { Ok(()) } else { self.place(Piece::Chunk(chunk)).await }
    }

    /// Ends the body as complete.
    pub async fn finish(self) -> Result<(), Gone> {
        self.place(Piece::End).await
    }

    /// Returns when the reader has gone.
    pub async fn gone(&self) {
        self.sender.closed().await;
    }

    pub fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    async fn place(&self, piece: Piece) -> Result<(), Gone> {
        let placed = tokio::time::timeout(self.send_limit, self.sender.send(piece)).await;
        placed.map_err(|_| Gone)?.map_err(|_| Gone)
    }
}

impl Stream for FeedBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Chunk(chunk)) => Some(Ok(chunk)),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer was not finished")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[actix_web::test]
    async fn a_body_that_was_not_finished_ends_in_an_error() {
        let (sending, body) = feed(Duration::from_secs(1));
        sending.send("a").await.unwrap();
        drop(sending);
        let pieces: Vec<_> = body.collect().await;
        assert!(matches!(pieces.as_slice(), [Ok(_), Err(_)]));

        let (sending, body) = feed(Duration::from_secs(1));
        sending.send("a").await.unwrap();
        sending.finish().await.unwrap();
        let pieces: Vec<_> = body.collect().await;
        assert!(matches!(pieces.as_slice(), [Ok(_)]));
    }

    #[actix_web::test]
    async fn a_reader_that_does_not_read_is_given_up() {
        let (sending, _body) = feed(Duration::from_millis(20));
        for _ in 0..CHUNKS {
            sending.send("a").await.unwrap();
        }
        assert!(sending.send("a").await.is_err());
    }
}
