//! Clients: users as customers of banks.

use serde::Serialize;
use shared_events::events;
use shared_events::{ClientId, SocialStatusId, UserId};

use super::name::Name;

/// A client. It belongs to one user for good, and a user is one client at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Client {
    /// The client's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: ClientId,
    /// The client's name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "John Doe")]
    pub name: Name,
    /// The client's social status; null if it has none.
    #[schema(value_type = Option<i64>, minimum = 1, example = 1)]
    pub social_status_id: Option<SocialStatusId>,
    /// The user who is this client.
    #[schema(value_type = i64, minimum = 1, example = 2)]
    pub user_id: UserId,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Client> for events::Client {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id,
            name: client.name.as_str().to_owned(),
            social_status_id: client.social_status_id,
            user_id: client.user_id,
        }
    }
}
