//! Checks whether a service on this machine is ready. A container's health check runs this, so that an image needs no other
//! program than the service itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::bounded_body;
use crate::tls::{Tls, install_crypto_provider};

/// Below the time that container runtimes give by default.
const LIMIT: Duration = Duration::from_secs(4);
/// Where each service has its OpenAPI document.
pub(crate) const DOCUMENT: &str = "/openapi.json";
const LONGEST_DOCUMENT: usize = 8 * 1024 * 1024;

/// `Ok` if `/readyz` of the service that listens on `bind` answers 200; otherwise why not, in one line.
pub async fn healthcheck(bind: SocketAddr, tls: &Tls) -> Result<(), String> {
    get(bind, tls, "/readyz").await.map(drop)
}

/// For `doctor`: the address is free, or this service holds it already and is ready.
pub async fn address(service: &str, bind: SocketAddr, tls: &Tls) -> Result<String, String> {
    let Err(error) = TcpListener::bind(bind) else { return Ok(format!("{bind} is free")) };
    let fault = super::server::listen_fault(bind, &error);
    match healthcheck(bind, tls).await {
        Ok(()) if holder(bind, tls).await.as_deref() == Some(service) => {
            Ok(format!("{bind} is the running service's, which is ready"))
        }
        Ok(()) => Err(format!("{fault}; it is not {service} that answers there")),
        Err(reason) => Err(format!("{fault}; if the service is running already, it is not ready: {reason}")),
    }
}

/// The name of the service that answers there.
async fn holder(bind: SocketAddr, tls: &Tls) -> Option<String> {
    service_name(get(bind, tls, DOCUMENT).await.ok()?).await
}

/// The name of a service, by its OpenAPI document.
pub(crate) async fn service_name(document: Response) -> Option<String> {
    let document = bounded_body(document, LONGEST_DOCUMENT).await.ok()?;
    let document: Value = serde_json::from_slice(&document).ok()?;
    Some(document.pointer("/info/title")?.as_str()?.to_owned())
}

async fn get(bind: SocketAddr, tls: &Tls, path: &str) -> Result<Response, String> {
    install_crypto_provider();
    // The certificate is for the public name, not for the loopback address; the request carries nothing confidential.
    let client = reqwest::Client::builder().timeout(LIMIT).no_proxy().tls_danger_accept_invalid_certs(true).build();
    let client = client.map_err(|error| error.to_string())?;
    let scheme = if *tls == Tls::Off { "http" } else { "https" };
    let url = format!("{scheme}://{}{path}", reachable(bind));
    let answer = client.get(&url).send().await;
    let answer = answer.map_err(|error| format!("{url} does not answer: {}", error.without_url()))?;
    if answer.status().is_success() { Ok(answer) } else { Err(format!("{url} answers {}", answer.status())) }
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
    use std::io::{Read as _, Write as _};

    use super::*;

    #[tokio::test]
    async fn an_address_is_fine_if_it_is_free_and_not_if_somebody_else_holds_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = other.local_addr().unwrap();
        // Closes the connection, then the listener.
        let closing = std::thread::spawn(move || drop(other.accept()));
        assert!(address("log-service", bind, &Tls::Off).await.unwrap_err().contains("cannot be listened on"));
        closing.join().unwrap();
        assert!(address("log-service", bind, &Tls::Off).await.unwrap().ends_with("is free"));
    }

    #[tokio::test]
    async fn an_address_of_another_service_is_not_fine_however_ready_that_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = listener.local_addr().unwrap();
        let body = r#"{"info":{"title":"email-service"}}"#;
        let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        // Two requests for each of the two checks.
        let answering = std::thread::spawn(move || {
            for mut connection in listener.incoming().take(4).map(Result::unwrap) {
                assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
                connection.write_all(answer.as_bytes()).unwrap();
            }
        });
        let refused = address("log-service", bind, &Tls::Off).await.unwrap_err();
        assert!(refused.ends_with("it is not log-service that answers there"), "{refused}");
        assert!(address("email-service", bind, &Tls::Off).await.unwrap().ends_with("which is ready"));
        answering.join().unwrap();
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
