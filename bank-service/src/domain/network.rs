//! The network of a client's address: the unit that one customer of a provider has.

use std::fmt;
use std::net::IpAddr;

/// The prefix of one customer's network: /24 of IPv4, /56 of IPv6.
const CUSTOMER: Prefixes = Prefixes { v4: 24, v6: 56 };
/// The largest network that one customer easily gets: a /48 holds 65,536 networks of /64.
const SITE: Prefixes = Prefixes { v4: 24, v6: 48 };

#[derive(Clone, Copy)]
struct Prefixes {
    v4: u32,
    v6: u32,
}

/// A network, written as `192.0.2.0/24` or `2001:db8::/56`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientNetwork(String);

impl ClientNetwork {
    /// The /24 or /56 of an address.
    pub fn of(address: IpAddr) -> Self {
        Self::cut(address, CUSTOMER)
    }

    /// The /24 or /48 of an address.
    pub fn site_of(address: IpAddr) -> Self {
        Self::cut(address, SITE)
    }

    fn cut(address: IpAddr, prefixes: Prefixes) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - prefixes.v4).unwrap_or(0);
                let network = std::net::Ipv4Addr::from(u32::from(v4) & mask);
                Self(format!("{network}/{}", prefixes.v4))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - prefixes.v6).unwrap_or(0);
                let network = std::net::Ipv6Addr::from(u128::from(v6) & mask);
                Self(format!("{network}/{}", prefixes.v6))
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_one_network() {
        let of = |text: &str| ClientNetwork::of(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2ff::1"), "2001:db8:1:200::/56");
        assert_ne!(of("2001:db8:1:200::"), of("2001:db8:1:300::"));
        assert_eq!(ClientNetwork::site_of("2001:db8:1:300::1".parse().unwrap()).as_str(), "2001:db8:1::/48");
        assert!(of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").len() <= 43);
    }
}
