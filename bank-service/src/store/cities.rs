//! The `cities` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::CityId;

use super::named::{NamedItem, named_table};
use super::page::page_of;
use super::schema::cities;
use super::{Db, StoreError};
use crate::domain::city::City;
use crate::domain::name::Name;

named_table!(City, CityId, cities, "city");
