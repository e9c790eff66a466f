//! The origin of a request: its address, its network and its device.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::network::ClientNetwork;
use crate::domain::session::TokenHash;
use crate::identity::IdentityService;
use crate::identity::opaque_token::OpaqueToken;
use crate::sealing::Vault;

const MAX_USER_AGENT: usize = 255;

#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// The address, as the session list shows it.
    pub remote_addr: String,
    pub user_agent: Option<String>,
    /// The device token that came with the request.
    pub device: Option<TokenHash>,
}

impl Origin {
    pub fn new(remote_addr: IpAddr, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        Self { address: remote_addr, remote_addr: remote_addr.to_string(), user_agent, device: None }
    }

    /// The same from a device that has a token.
    #[must_use]
    pub fn on_device(self, token: Option<&OpaqueToken>) -> Self {
        Self { device: token.map(OpaqueToken::hash), ..self }
    }
}

/// The network and device of a login.
#[derive(Clone)]
pub struct Visit {
    pub vault: Arc<Vault>,
    pub network: ClientNetwork,
    /// Whether the network can be remembered: not behind loopback and proxies, where any client may be.
    pub is_knowable: bool,
    /// The device token that came with the login.
    pub known_device: Option<TokenHash>,
    /// The device token for a session that this login opens.
    pub device: TokenHash,
}

impl IdentityService {
    /// The visit of a request that opens no session.
    pub(in crate::identity) fn visitor(&self, origin: &Origin) -> Visit {
        self.visit(origin, &OpaqueToken::generate())
    }

    /// The visit of a login, and the token that its device gets.
    pub(in crate::identity) fn visit(&self, origin: &Origin, device: &OpaqueToken) -> Visit {
        Visit {
            vault: self.shared_vault(),
            network: ClientNetwork::of(origin.address),
            is_knowable: self.is_knowable(origin.address),
            known_device: origin.device.clone(),
            device: device.hash(),
        }
    }

    /// Whether an address identifies a client: loopback and proxies do not.
    fn is_knowable(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !address.is_loopback() && !self.0.trusted_proxies.iter().any(|proxy| proxy.contains(address))
    }
}
