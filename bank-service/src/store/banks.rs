//! The `banks` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::BankId;

use super::named::{NamedItem, named_table};
use super::page::page_of;
use super::schema::banks;
use super::{Db, StoreError};
use crate::domain::bank::Bank;
use crate::domain::name::Name;

named_table!(Bank, BankId, banks, "bank");
