//! Checks whether a service on this machine is ready. A container's health check runs this, so that an image needs no other
//! program than the service itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::tls::{Tls, install_crypto_provider};

/// Below the time that container runtimes give by default.
const LIMIT: Duration = Duration::from_secs(4);

/// `Ok` if `/readyz` of the service that listens on `bind` answers 200; otherwise why not, in one line.
pub async fn healthcheck(bind: SocketAddr, tls: &Tls) -> Result<(), String> {
    install_crypto_provider();
    // The certificate is for the public name, not for the loopback address; the request carries nothing confidential.
    let client = reqwest::Client::builder().timeout(LIMIT).no_proxy().tls_danger_accept_invalid_certs(true).build();
    let client = client.map_err(|error| error.to_string())?;
    let scheme = if *tls == Tls::Off { "http" } else { "https" };
    let url = format!("{scheme}://{}/readyz", reachable(bind));
    let answer = client.get(&url).send().await;
    let status = answer.map_err(|error| format!("{url} does not answer: {}", error.without_url()))?.status();
    if status.is_success() { Ok(()) } else { Err(format!("{url} answers {status}")) }
}

/// For `doctor`: the address is free, or a service that is ready holds it, which counts as the service in question.
pub async fn address(bind: SocketAddr, tls: &Tls) -> Result<String, String> {
    let Err(error) = TcpListener::bind(bind) else { return Ok(format!("{bind} is free")) };
    let answered = healthcheck(bind, tls).await;
    answered.map(|()| format!("{bind} is the running service's, which is ready")).map_err(|reason| {
        let fault = super::server::listen_fault(bind, &error);
        format!("{fault}; if the service is running already, it is not ready: {reason}")
    })
}

/// The loopback address of a service that listens on all addresses.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_fine_if_it_is_free_and_not_if_somebody_else_holds_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = other.local_addr().unwrap();
        // Closes the connection, then the listener.
        let closing = std::thread::spawn(move || drop(other.accept()));
        assert!(address(bind, &Tls::Off).await.unwrap_err().contains("cannot be listened on"));
        closing.join().unwrap();
        assert!(address(bind, &Tls::Off).await.unwrap().ends_with("is free"));
    }

    #[test]
    fn a_service_on_all_addresses_is_probed_on_the_loopback_one() {
        for (bind, probed) in
            [("0.0.0.0:5000", "127.0.0.1:5000"), ("[::]:1", "[::1]:1"), ("192.0.2.7:80", "192.0.2.7:80")]
        {
            assert_eq!(reachable(bind.parse().unwrap()).to_string(), probed);
        }
    }
}
