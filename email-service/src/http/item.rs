//! `GET /api/emails/{id}`

use actix_web::{HttpResponse, web};
use service_kit::http::etag;
use service_kit::http::fields::PathId;
use service_kit::http::problem::Problem;

use super::problem_map::store_problem;
use super::responses::ItemProblems;
use super::{DeliveryView, Parts};
use crate::domain::DeliveryId;

/// One delivery.
#[utoipa::path(
    get, path = "/api/emails/{id}", tag = "emails", operation_id = "get_email",
    params(("id" = i64, Path, minimum = 1, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery.", body = DeliveryView), ItemProblems),
)]
pub(super) async fn get_email(id: PathId<DeliveryId>, parts: web::Data<Parts>) -> Result<HttpResponse, Problem> {
    let found = parts.store.find(id.0).await.map_err(|error| store_problem(&error))?;
    let delivery = found.ok_or_else(|| Problem::not_found("email"))?;
    Ok(etag::item(&DeliveryView::from(&delivery)))
}
