//! The `social_statuses` table.

use diesel::prelude::*;
use service_kit::http::paging::{FilterValue, ListQuery, Listing, PageRequest};
use shared_events::SocialStatusId;

use super::named::{NamedItem, named_table};
use super::page::page_of;
use super::schema::social_statuses;
use super::{Db, StoreError};
use crate::domain::name::Name;
use crate::domain::social_status::SocialStatus;

named_table!(SocialStatus, SocialStatusId, social_statuses, "social status");
