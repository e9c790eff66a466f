//! Stops accepting without losing a connection that its client takes for open.
//!
//! Closing a listening socket resets the connections that wait to be accepted, and the server drops those that it has accepted
//! and not begun to read. To a proxy both look like a request that was sent and not answered, which it must not send to
//! another replica. So new connections are kept out first: the kernel drops their first packet, so a client gets no answer,
//! tries another replica, or tries again and is refused. Earlier connections are then accepted and read, and only after that
//! the socket is closed. Some kernels allow such a filter only with `CAP_NET_ADMIN`, which containers lack. There the socket
//! is bound to the loopback device instead, and refuses connections from other machines. Where neither is possible, the socket
//! is closed at once.

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use socket2::Socket;

/// A second handle of the listening socket, kept as long as it may have to be shut.
#[derive(Debug)]
pub(super) struct Gate(Mutex<Option<Socket>>);

impl Gate {
    pub(super) fn of(listener: &TcpListener) -> io::Result<Self> {
        Ok(Self(Mutex::new(Some(listener.try_clone()?.into()))))
    }

    /// Keeps new connections out. False if that is impossible, or was done before.
    pub(super) fn shut(&self) -> bool {
        let Some(socket) = self.take() else { return false };
        match keep_out(&socket) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "new connections cannot be kept out; the socket is closed at once");
                false
            }
        }
    }

    /// Drops this handle, so that the socket closes once the server closes its own.
    pub(super) fn release(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(target_os = "linux")]
fn keep_out(socket: &Socket) -> io::Result<()> {
    drop_first_packets(socket).or_else(|_| socket.bind_device(Some(LOOPBACK)))
}

/// The loopback device, which no other machine can reach.
#[cfg(target_os = "linux")]
const LOOPBACK: &[u8] = b"lo";

/// The filter reads a packet from its TCP header on: one with SYN is dropped, every other passes whole.
#[cfg(target_os = "linux")]
fn drop_first_packets(socket: &Socket) -> io::Result<()> {
    use socket2::SockFilter;

    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    socket.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
fn keep_out(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
