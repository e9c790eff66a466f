//! Ports for processes and servers of a test.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Below the range of outgoing connections: a client that dials a server that is down could otherwise get the server's own port.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports that this process has given out: a caller may listen there later, or again.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that is free now, and that no other caller in this process got.
pub fn free_port() -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // The start is random, since other processes search for ports too.
    let offset = u16::from_be_bytes(service_kit::ids::random_bytes::<2>()) % COUNT;
    let mut candidates = (0..COUNT).map(|n| FIRST + (offset + n) % COUNT);
    let port = candidates.find(|port| !given.contains(port) && is_free(*port)).expect("no port is free");
    given.insert(port);
    port
}

/// Whether no process listens there.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_nor_while_somebody_listens_there() {
        let taken: Vec<_> = (0..50).map(|_| TcpListener::bind(("127.0.0.1", free_port())).unwrap()).collect();
        let given: BTreeSet<u16> = (0..500).map(|_| free_port()).collect();
        assert_eq!(given.len(), 500);
        for listener in taken {
            let port = listener.local_addr().unwrap().port();
            assert!(!given.contains(&port) && !is_free(port));
        }
    }
}
