//! The end of accepting, without losing a connection that a client believes to have.
//!
//! A listening socket that is closed resets what waits to be accepted, and the server drops what it has accepted and not begun
//! to read. To a proxy both look like a request that was sent and not answered, which it must not send to another replica. So
//! new connections are kept out first: the kernel drops their first packet, and whoever connects is told so by nothing at all,
//! tries elsewhere, or tries again and is refused. What was connected before is then accepted and read, and only after that
//! the socket is closed. Some kernels grant such a filter to nobody without `CAP_NET_ADMIN`, so to no container. There the
//! socket listens to this machine alone from then on, and refuses whoever connects from another. Where neither can be, the
//! socket is closed at once.

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use socket2::Socket;

/// A second handle of the listening socket, for as long as it may have to be shut.
#[derive(Debug)]
pub(super) struct Gate(Mutex<Option<Socket>>);

impl Gate {
    pub(super) fn of(listener: &TcpListener) -> io::Result<Self> {
        Ok(Self(Mutex::new(Some(listener.try_clone()?.into()))))
    }

    /// Keeps new connections out. False if that cannot be, or was done before.
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

    /// Lets go of the socket: it is closed by whoever accepts, and not held open here.
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

/// The network device that no other machine is behind.
#[cfg(target_os = "linux")]
const LOOPBACK: &[u8] = b"lo";

/// A filter sees a packet from its TCP header on: one with SYN is dropped, every other passes whole.
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
