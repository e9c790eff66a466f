//! Checks of addresses to listen on, with the cause of a failure and its remedy.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Faults;

/// Records a fault if the address cannot be listened on now: another program does, this machine does not have the address, or
/// this user may not bind it. Nothing listens on it yet.
pub fn check_address(variable: &str, bind: SocketAddr, faults: &mut Faults) {
    if let Err(error) = bound(bind) {
        faults.add(format!("{variable}: {}", listen_fault(bind, &error)));
    }
}

/// Why a server did not start, with the variable at fault.
pub fn start_fault(variable: &str, bind: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        // `serve` reports faults of the certificate and the key with this kind.
        ErrorKind::InvalidInput => format!("TLS_CERT, TLS_KEY: {error}"),
        _ => format!("{variable}: {}", listen_fault(bind, error)),
    }
}

/// Why an address cannot be listened on, and the remedy.
pub(in crate::http) fn listen_fault(bind: SocketAddr, error: &io::Error) -> String {
    let hint = match error.kind() {
        ErrorKind::AddrInUse => "the port is in use by another program; stop that, or choose another port",
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose one that it has, 127.0.0.1 for itself alone, or 0.0.0.0 for all"
        }
        ErrorKind::PermissionDenied => "this user may not take the port; choose one from 1024 on",
        _ => return format!("{bind} cannot be listened on: {error}"),
    };
    format!("{bind} cannot be listened on: {hint}")
}

/// A socket bound to the address. A port that was in use a moment ago may be taken again.
pub(super) fn bound(bind: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(bind), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&bind.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn fault_of(bind: SocketAddr) -> Option<String> {
        let mut faults = Faults::new();
        check_address("BANK_BIND", bind, &mut faults);
        faults.finish().err().map(|error| error.to_string())
    }

    #[test]
    fn each_cause_has_its_own_remedy() {
        let bind = "192.0.2.7:80".parse().unwrap();
        let text = |kind| listen_fault(bind, &io::Error::from(kind));
        for (kind, part) in [
            (ErrorKind::AddrInUse, "the port is in use by another program"),
            (ErrorKind::AddrNotAvailable, "this machine has no such address"),
            (ErrorKind::PermissionDenied, "choose one from 1024 on"),
            (ErrorKind::Unsupported, "cannot be listened on"),
        ] {
            assert!(text(kind).starts_with("192.0.2.7:80 cannot be listened on: ") && text(kind).contains(part));
            assert_eq!(text(kind).contains("another program"), kind == ErrorKind::AddrInUse);
        }
        let tls = io::Error::new(ErrorKind::InvalidInput, "no key");
        assert_eq!(start_fault("BANK_BIND", bind, &tls), "TLS_CERT, TLS_KEY: no key");
    }

    #[test]
    fn an_address_of_another_machine_is_a_fault_and_so_is_a_port_as_long_as_it_is_in_use() {
        // An address of the range for documentation, so no machine has it.
        let fault = fault_of("192.0.2.7:0".parse().unwrap()).unwrap();
        assert!(fault.contains("BANK_BIND: 192.0.2.7:0 cannot be listened on: this machine has no such"), "{fault}");
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = held.local_addr().unwrap();
        let taken = fault_of(bind).unwrap();
        assert!(taken.contains("BANK_BIND: ") && taken.contains("in use"), "{taken}");
        drop(held);
        assert_eq!(fault_of(bind), None);
    }
}
