//! The client's address, also behind proxies that are trusted.
//!
//! `X-Forwarded-For` is read from the right: each entry was added by the hop before it, so the first address that is not a
//! trusted proxy is the client, and everything left of it is only a claim.

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest};

use super::context::{CURRENT, record_route};
use crate::http::problem::{ErrorCode, Problem};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// More hops than any real chain has.
const MAX_HOPS: usize = 20;

/// An address or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    /// Of the 128 bits; an IPv4 address is taken as its mapped IPv6 one.
    prefix: u32,
}

impl Network {
    /// Every IPv4 address, as a mapped one: `::ffff:0:0/96`.
    const ALL_IPV4: Self = Self { bits: 0xffff << 32, prefix: 96 };
    /// Every IPv6 address of the public internet: `2000::/3`.
    const ALL_IPV6: Self = Self { bits: 0x2000 << 112, prefix: 3 };

    pub fn contains(&self, address: IpAddr) -> bool {
        self.has(bits(address))
    }

    fn has(self, bits: u128) -> bool {
        let shift = 128_u32.saturating_sub(self.prefix);
        (self.bits ^ bits).checked_shr(shift).unwrap_or(0) == 0
    }

    /// Whether these networks cover every address of this one.
    fn is_covered_by(self, networks: &[Self]) -> bool {
        if networks.iter().any(|network| network.prefix <= self.prefix && network.has(self.bits)) {
            return true;
        }
        let parts: Vec<Self> = networks.iter().copied().filter(|network| self.has(network.bits)).collect();
        let prefix = self.prefix + 1;
        let Some(shift) = 128_u32.checked_sub(prefix).filter(|_| !parts.is_empty()) else { return false };
        let halves = [self.bits, self.bits | (1_u128 << shift)];
        halves.into_iter().all(|bits| Self { bits, prefix }.is_covered_by(&parts))
    }
}

/// A warning if the trusted networks cover every address of the internet.
pub fn trust_warning(variable: &str, trusted: &[Network]) -> Option<String> {
    let everybody = [Network::ALL_IPV4, Network::ALL_IPV6].iter().any(|all| all.is_covered_by(trusted));
    everybody.then(|| {
        format!(
            "{variable}: everybody is trusted, so that everybody chooses the address that limits count; name the proxies' own addresses"
        )
    })
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

impl FromStr for Network {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = "expected an address or a network such as 10.0.0.0/8";
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.trim().parse().map_err(|_| fault)?;
        let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length: u32 = length.map_or(Ok(width), |l| l.trim().parse().map_err(|_| fault))?;
        if length > width {
            return Err(fault);
        }
        Ok(Self { bits: bits(address), prefix: offset + length })
    }
}

/// The address of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

impl FromRequest for ClientAddr {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        record_route(request);
        let missing = || Problem::new(ErrorCode::MalformedRequest, "The client has no address.");
        ready(Self::of(request).ok_or_else(missing))
    }
}

impl ClientAddr {
    /// The address of this request's client.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let known = CURRENT.try_with(|context| context.client).ok().flatten();
        let address = known.or_else(|| request.peer_addr().map(|peer| peer.ip()));
        address.map(|ip| Self(ip.to_canonical()))
    }
}

/// The client's address, as far as trusted proxies confirm it. A mapped IPv4 address is the IPv4 address itself, so that a client
/// of a listener for both versions has one name in limits, logs and events.
pub(super) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer.to_canonical();
    }
    let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
    let mut client = peer;
    // As bytes: the client's own part of a line must not hide an address that a proxy added to it.
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).take(MAX_HOPS) {
        let Some(address) = address_of(entry) else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client.to_canonical()
}

/// An address; some proxies write it with a port.
fn address_of(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        assert_eq!(client("1.2.3.4", &["9.9.9.9"], &[]), "1.2.3.4");
        assert_eq!(client("1.2.3.4", &["9.9.9.9"], &["10.0.0.0/8"]), "1.2.3.4");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(client("10.1.1.1", &["6.6.6.6, 9.9.9.9, 10.2.2.2"], &trusted), "9.9.9.9");
        assert_eq!(client("::1", &["6.6.6.6", "9.9.9.9"], &trusted), "9.9.9.9");
        assert_eq!(client("10.1.1.1", &["nonsense"], &trusted), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[], &trusted), "10.1.1.1");
        for with_port in ["9.9.9.9:1234", "10.1.1.1, 9.9.9.9:1234"] {
            assert_eq!(client("10.1.1.1", &[with_port], &trusted), "9.9.9.9", "{with_port}");
        }
        for v6 in ["[2001:db8::1]:443", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(client("10.1.1.1", &[v6], &trusted), "2001:db8::1", "{v6}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert_eq!(client("::ffff:1.2.3.4", &[], &[]), "1.2.3.4");
        assert_eq!(client("::ffff:1.2.3.4", &["9.9.9.9"], &["10.0.0.0/8"]), "1.2.3.4");
        for forwarded in ["::ffff:9.9.9.9", "[::ffff:909:909]:443", "9.9.9.9, ::ffff:10.2.2.2"] {
            assert_eq!(client("::ffff:10.1.1.1", &[forwarded], &["10.0.0.0/8"]), "9.9.9.9", "{forwarded}");
        }
    }

    #[test]
    fn networks_that_have_everybody_are_warned_of_by_the_variable() {
        let warning = |list: &str| {
            let trusted: Vec<Network> = list.split_whitespace().map(|text| text.parse().unwrap()).collect();
            trust_warning("TRUSTED_PROXIES", &trusted)
        };
        for everybody in [
            "0.0.0.0/0",
            "9.9.9.9/0",
            "::/0",
            "10.0.0.0/8 ::ffff:0:0/96",
            "0.0.0.0/1 128.0.0.0/1",
            "192.0.0.0/2 0.0.0.0/1 128.0.0.0/2",
            "::/1",
            "2000::/4 3000::/4",
        ] {
            assert!(warning(everybody).is_some_and(|text| text.starts_with("TRUSTED_PROXIES: ")), "{everybody}");
        }
        for some in
            ["", "10.0.0.0/8 172.16.0.0/12", "0.0.0.0/1", "128.0.0.0/1 0.0.0.0/2", "1.2.3.4 ::1 fd00::/8 2000::/4"]
        {
            assert_eq!(warning(some), None, "{some}");
        }
    }

    #[test]
    fn bad_bytes_of_the_client_do_not_hide_what_the_proxy_added() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff\xfe, 9.9.9.9").unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client_of("10.1.1.1".parse().unwrap(), &headers, &trusted).to_string(), "9.9.9.9");
    }

    #[test]
    fn networks_are_read_and_bounded() {
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/9"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("200.1.1.1".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        assert!("::/0".parse::<Network>().unwrap().contains("2001:db8::1".parse().unwrap()));
        assert!("10.0.0.0/8".parse::<Network>().unwrap().contains("::ffff:10.1.2.3".parse().unwrap()));
    }
}
