//! `/api/cities`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::CityId;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::named::named_resource;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::city::City;
use crate::domain::policy::Action;
use crate::operations::{cities, named};
use crate::store::named::FILTERS;
use crate::store::{Ctx, Db};

named_resource! {
    item: City, id: CityId, operations: cities, tag: "cities", list: "/api/cities", one: "/api/cities/{id}",
    list_cities: ListCities, read_city: ReadCity, create_city: CreateCity, rename_city: UpdateCity, remove_city: DeleteCity,
}
