//! The checked settings of the service.

use std::net::SocketAddr;

use service_kit::http::PeerTrust;
use service_kit::http::cors::Origins;
use service_kit::messaging::AmqpSettings;
use service_kit::tls::Tls;
use shared_events::Pattern;

use crate::domain::{EmailAddress, LinkBase, Sender};
use crate::mailer::MailTarget;
use crate::store::StoreTarget;

#[derive(Debug, Clone)]
pub struct Settings {
    pub bind: SocketAddr,
    pub cors_origins: Origins,
    pub tls: Tls,
    /// The authorities that calls to bank-service trust.
    pub peers: PeerTrust,
    pub mail: MailTarget,
    pub from: Sender,
    pub message_id_domain: String,
    pub receivers: Vec<EmailAddress>,
    pub operator: EmailAddress,
    pub subject_prefix: String,
    /// None: links may lead anywhere.
    pub links: Option<LinkBase>,
    pub store: StoreTarget,
    pub record_days: u32,
    pub jwks_url: String,
    /// A warning for the operator at each start.
    pub warning: Option<String>,
    pub bindings: Vec<Pattern>,
    pub callback_queue: String,
    pub queue: String,
    /// None: events come in process, or not at all.
    pub broker: Option<AmqpSettings>,
}
