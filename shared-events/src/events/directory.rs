//! Banks, their branches, cities and social statuses: reference data that any role may read.

use serde::{Deserialize, Serialize};

use super::{event, example_id};
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

event!(
    BankCreated(Bank) = "bank.created",
    "A bank was created; its mail is confirmed on the reply queue.",
    |bank| format!("Bank created with ID: {}", bank.id),
    bank()
);
event!(
    BankUpdated(Bank) = "bank.updated",
    "A bank was changed.",
    |bank| format!("Bank updated with ID: {}", bank.id),
    bank()
);
event!(
    BankDeleted(Bank) = "bank.deleted",
    "A bank was deleted.",
    |bank| format!("Bank deleted with ID: {}", bank.id),
    bank()
);
event!(
    BranchCreated(Branch) = "branch.created",
    "A branch was opened.",
    |branch| format!("Branch created with ID: {}", branch.id),
    branch()
);
event!(
    BranchUpdated(Branch) = "branch.updated",
    "A branch was changed.",
    |branch| format!("Branch updated with ID: {}", branch.id),
    branch()
);
event!(
    BranchDeleted(Branch) = "branch.deleted",
    "A branch was deleted.",
    |branch| format!("Branch deleted with ID: {}", branch.id),
    branch()
);
event!(
    CityCreated(City) = "city.created",
    "A city was added.",
    |city| format!("City created with ID: {}", city.id),
    city()
);
event!(
    CityUpdated(City) = "city.updated",
    "A city was changed.",
    |city| format!("City updated with ID: {}", city.id),
    city()
);
event!(
    CityDeleted(City) = "city.deleted",
    "A city was deleted.",
    |city| format!("City deleted with ID: {}", city.id),
    city()
);
event!(
    SocialStatusCreated(SocialStatus) = "social_status.created",
    "A social status was added.",
    |status| format!("Social status created with ID: {}", status.id),
    social_status()
);
event!(
    SocialStatusUpdated(SocialStatus) = "social_status.updated",
    "A social status was changed.",
    |status| format!("Social status updated with ID: {}", status.id),
    social_status()
);
event!(
    SocialStatusDeleted(SocialStatus) = "social_status.deleted",
    "A social status was deleted.",
    |status| format!("Social status deleted with ID: {}", status.id),
    social_status()
);
