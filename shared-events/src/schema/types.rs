//! Schemas of the types with a text form of their own.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ids::{AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, RoleId, SocialStatusId, UserId};
use crate::money::Currency;

macro_rules! inlined {
    ($($name:ident => $schema:tt),+ $(,)?) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

macro_rules! numeric_ids {
    ($($name:ident),+ $(,)?) => {
        inlined! { $($name => { "type": "integer", "format": "int64", "minimum": 1 }),+ }
    };
}

numeric_ids! {
    AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, RoleId, SocialStatusId, UserId,
}

inlined! {
    Currency => { "type": "string", "pattern": "^[A-Z]{3}$" },
}
