//! Users, their roles, and clients.

use serde::{Deserialize, Serialize};

use super::Verb::{Create, Delete, Update};
use super::{Destination, PUBLIC, declare_events, example_id};
use crate::ids::{ClientId, RoleId, SocialStatusId, UserId};

/// A user, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub roles: Vec<String>,
    pub is_blocked: bool,
}

/// The facts of a registration: enough for the welcome mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserRegistered {
    pub id: UserId,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    pub social_status_id: Option<SocialStatusId>,
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Role {
    pub id: RoleId,
    pub name: String,
}

fn registered() -> UserRegistered {
    UserRegistered { id: example_id(2), email: "john.doe@example.com".to_owned() }
}

fn user() -> User {
    User {
        id: example_id(2),
        email: "john.doe@example.com".to_owned(),
        roles: vec!["user".to_owned()],
        is_blocked: false,
    }
}

fn client() -> Client {
    Client {
        id: example_id(1),
        name: "John Doe".to_owned(),
        social_status_id: Some(example_id(1)),
        user_id: example_id(2),
    }
}

fn role() -> Role {
    Role { id: example_id(4), name: "auditor".to_owned() }
}

declare_events! {
    USER:
    UserCreated(UserRegistered) = "user.created", PUBLIC.live("user", Create).to(Destination::LogAndMail),
        "A user registered or was created by an administrator.",
        |user| format!("User created with ID: {}", user.id), registered();
    UserImported(UserRegistered) = "user.imported", PUBLIC.live("user", Create),
        "A user was taken over from another system; no welcome mail is sent.",
        |user| format!("User imported with ID: {}", user.id), registered();
    UserUpdated(User) = "user.updated", PUBLIC.live("user", Update), "A user's profile, roles or block changed.",
        |user| format!("User updated with ID: {}", user.id), user();
    UserDeleted(User) = "user.deleted", PUBLIC.live("user", Delete), "A user was deleted.",
        |user| format!("User deleted with ID: {}", user.id), user();
}
declare_events! {
    CLIENT:
    ClientCreated(Client) = "client.created", PUBLIC.live("client", Create), "A client was registered.",
        |client| format!("Client created with ID: {}", client.id), client();
    ClientUpdated(Client) = "client.updated", PUBLIC.live("client", Update), "A client was changed.",
        |client| format!("Client updated with ID: {}", client.id), client();
    ClientDeleted(Client) = "client.deleted", PUBLIC.live("client", Delete), "A client was deleted.",
        |client| format!("Client deleted with ID: {}", client.id), client();
}
declare_events! {
    ROLE:
    RoleCreated(Role) = "role.created", PUBLIC, "A role was added.",
        |role| format!("Role created with ID: {}", role.id), role();
    RoleUpdated(Role) = "role.updated", PUBLIC, "A role was renamed.",
        |role| format!("Role updated with ID: {}", role.id), role();
    RoleDeleted(Role) = "role.deleted", PUBLIC, "A role was deleted.",
        |role| format!("Role deleted with ID: {}", role.id), role();
}
