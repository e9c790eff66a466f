//! Ports for processes and servers of a test.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Below the range that outgoing connections get theirs from: a client that dials a server that is down could otherwise be
/// given the server's own port.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// What this process has given out: whoever got a port listens there only later, or again later.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nobody listens at now, and that no other caller in this process was given.
pub fn free_port() -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Where to begin is random, since other processes look for ports, too.
    let offset = u16::from_be_bytes(service_kit::ids::random_bytes::<2>()) % COUNT;
    let mut candidates = (0..COUNT).map(|n| FIRST + (offset + n) % COUNT);
    let port = candidates.find(|port| !given.contains(port) && is_free(*port)).expect("no port is free");
    given.insert(port);
    port
}

/// Whether nobody listens there.
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
