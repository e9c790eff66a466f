//! Banks, their branches, cities and social statuses: reference data that any role may read.

use serde::{Deserialize, Serialize};

use super::Verb::{Create, Delete, Update};
use super::{Destination, PUBLIC, declare_events, example_id};
use crate::ids::{BankId, BranchId, CityId, SocialStatusId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bank {
    pub id: BankId,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Branch {
    pub id: BranchId,
    pub bank_id: BankId,
    pub city_id: CityId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct City {
    pub id: CityId,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SocialStatus {
    pub id: SocialStatusId,
    pub name: String,
}

fn bank() -> Bank {
    Bank { id: example_id(1), name: "First Bank".to_owned() }
}

fn branch() -> Branch {
    Branch { id: example_id(1), bank_id: example_id(1), city_id: example_id(1) }
}

fn city() -> City {
    City { id: example_id(1), name: "Lisbon".to_owned() }
}

fn social_status() -> SocialStatus {
    SocialStatus { id: example_id(1), name: "student".to_owned() }
}

declare_events! {
    BANK:
    BankCreated(Bank) = "bank.created", PUBLIC.live("bank", Create).to(Destination::MailThenLog),
        "A bank was created; its mail is confirmed on the reply queue.",
        |bank| format!("Bank created with ID: {}", bank.id), bank();
    BankUpdated(Bank) = "bank.updated", PUBLIC.live("bank", Update), "A bank was changed.",
        |bank| format!("Bank updated with ID: {}", bank.id), bank();
    BankDeleted(Bank) = "bank.deleted", PUBLIC.live("bank", Delete), "A bank was deleted.",
        |bank| format!("Bank deleted with ID: {}", bank.id), bank();
}
declare_events! {
    BRANCH:
    BranchCreated(Branch) = "branch.created", PUBLIC.live("branch", Create), "A branch was opened.",
        |branch| format!("Branch created with ID: {}", branch.id), branch();
    BranchUpdated(Branch) = "branch.updated", PUBLIC.live("branch", Update), "A branch was changed.",
        |branch| format!("Branch updated with ID: {}", branch.id), branch();
    BranchDeleted(Branch) = "branch.deleted", PUBLIC.live("branch", Delete), "A branch was deleted.",
        |branch| format!("Branch deleted with ID: {}", branch.id), branch();
}
declare_events! {
    CITY:
    CityCreated(City) = "city.created", PUBLIC.live("city", Create), "A city was added.",
        |city| format!("City created with ID: {}", city.id), city();
    CityUpdated(City) = "city.updated", PUBLIC.live("city", Update), "A city was changed.",
        |city| format!("City updated with ID: {}", city.id), city();
    CityDeleted(City) = "city.deleted", PUBLIC.live("city", Delete), "A city was deleted.",
        |city| format!("City deleted with ID: {}", city.id), city();
}
declare_events! {
    SOCIAL_STATUS:
    SocialStatusCreated(SocialStatus) = "social_status.created", PUBLIC.live("social_status", Create),
        "A social status was added.",
        |status| format!("Social status created with ID: {}", status.id), social_status();
    SocialStatusUpdated(SocialStatus) = "social_status.updated", PUBLIC.live("social_status", Update),
        "A social status was changed.",
        |status| format!("Social status updated with ID: {}", status.id), social_status();
    SocialStatusDeleted(SocialStatus) = "social_status.deleted", PUBLIC.live("social_status", Delete),
        "A social status was deleted.",
        |status| format!("Social status deleted with ID: {}", status.id), social_status();
}
