//! `/api/social-statuses`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::SocialStatusId;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::named::named_resource;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::policy::Action;
use crate::domain::social_status::SocialStatus;
use crate::operations::{named, social_statuses};
use crate::store::named::FILTERS;
use crate::store::{Ctx, Db};

named_resource! {
    item: SocialStatus, id: SocialStatusId, operations: social_statuses, tag: "social statuses", list: "/api/social-statuses", one: "/api/social-statuses/{id}",
    list_social_statuses: ListSocialStatuses, read_social_status: ReadSocialStatus, create_social_status: CreateSocialStatus, rename_social_status: UpdateSocialStatus, remove_social_status: DeleteSocialStatus,
}
