//! Checks of an OpenAPI document.

mod document;
mod routes;

pub use document::{documented_routes, faults, resolved, undescribed};
pub use routes::registered_routes;
