//! The HTTP API, for staff, and for services to read: `/api/emails`, and `/emails` as an alias.
//!
//! Any other caller is refused before the request is read further. Recipients are masked, and no answer shows the text of a
//! mail.

mod item;
mod list;
mod list_params;
mod openapi;
mod preview;
mod problem_map;
mod responses;
mod staff;
mod test;
mod view;

pub use openapi::document;
pub use test::{TestLimit, test_limit};
pub use view::DeliveryView;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web;
use service_kit::clock::SharedClock;
use service_kit::http::auth::Verifier;

use crate::operations::MailService;
use crate::store::DeliveryStore;
use crate::templates::Templates;

/// The roots of the routes; the second is an alias of the first.
const ROOTS: [&str; 2] = ["/api/emails", "/emails"];

/// The state that the handlers share.
#[derive(Clone)]
pub struct Parts {
    pub mail_service: Arc<MailService>,
    pub store: Arc<dyn DeliveryStore>,
    pub templates: Arc<Templates>,
    pub clock: SharedClock,
    pub test_limit: TestLimit,
    pub verifier: web::Data<Verifier>,
}

pub fn configure(routes: &mut web::ServiceConfig, parts: &Parts) {
    routes.app_data(parts.verifier.clone()).app_data(web::Data::new(parts.clone()));
    for root in ROOTS {
        routes.service(web::scope(root).wrap(from_fn(staff::require_staff)).configure(below_root));
    }
}

fn below_root(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("").get(list::list_emails))
        .service(web::resource("/preview").post(preview::preview_email))
        .service(web::resource("/test").post(test::send_test_email))
        .service(web::resource("/{id}").get(item::get_email));
}
