//! The OpenAPI document.

use service_kit::http::openapi;
use service_kit::http::problem::ProblemBody;
use utoipa::OpenApi;

use super::{ROOTS, item, list, preview, test};
use crate::domain::State;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "email-service",
        description = "Deliveries of mail, for staff. Every route exists below `/emails` as well.",
        license(name = "MIT", identifier = "MIT")
    ),
    paths(list::list_emails, item::get_email, preview::preview_email, test::send_test_email),
    components(schemas(ProblemBody)),
    tags((name = "emails", description = "Mails that were sent or are to be sent"))
)]
struct Document;

/// OpenAPI 3.1.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let [root, alias] = ROOTS;
    if let Some(item) = document.paths.paths.get_mut(&format!("{root}/{{id}}")) {
        item.get.iter_mut().for_each(openapi::conditional_read);
    }
    openapi::alias(&mut document, root, alias, "_alias");
    openapi::set_values(&mut document, "DeliveryView", "state", &State::ALL.map(State::as_str));
    openapi::finish(&mut document, true);
    document
}

#[cfg(test)]
mod tests {
    use actix_web::web;
    use test_support::openapi::{documented_routes, faults, registered_routes, undescribed};

    use super::*;
    use crate::http::below_root;
    use crate::templates::Template;

    #[test]
    fn the_document_is_a_sound_one() {
        assert_eq!(faults(&document()), Vec::<String>::new());
    }

    #[test]
    fn every_field_and_parameter_is_described() {
        assert_eq!(undescribed(&document()), Vec::<String>::new());
    }

    #[actix_web::test]
    async fn the_document_has_exactly_the_routes_that_are_registered() {
        let documented = documented_routes(&document());
        let registered = registered_routes(|config| {
            for root in ROOTS {
                config.service(web::scope(root).configure(below_root));
            }
        });
        assert_eq!(documented, registered.await);
        assert_eq!(documented.len(), 8);
    }

    #[test]
    fn the_data_of_a_preview_is_described_for_each_template() {
        let document = serde_json::to_value(document()).unwrap();
        let data = &document["components"]["schemas"]["PreviewRequest"]["properties"]["data"];
        let about = data["description"].as_str().unwrap();
        for part in [
            "`account.created`: `id` (a whole number from 1), `name`, `balance` (in the minor unit), `currency`",
            "`verify-email`: `name`, `link` (required, unless there is a `code`; an http or https URL), `code`",
            "`notice`: `name`, `subject`, `text` (required; several lines).",
            "`test`: none.",
        ] {
            assert!(about.contains(part), "{part} in {about}");
        }
        assert!(Template::ALL.iter().all(|template| about.contains(&format!("`{}`: ", template.name()))), "{about}");
    }

    #[test]
    fn times_ids_and_closed_sets_of_words_are_described_as_such() {
        let document = serde_json::to_value(document()).unwrap();
        let components = &document["components"];
        let states = serde_json::json!(State::ALL.map(State::as_str));
        assert_eq!(components["parameters"]["state"]["schema"]["enum"], states);
        let fields = &components["schemas"]["DeliveryView"]["properties"];
        assert_eq!(fields["state"]["enum"], states);
        for (field, format) in [("event_id", "uuid"), ("created_at", "date-time"), ("updated_at", "date-time")] {
            assert_eq!(fields[field]["format"], format, "{field}");
        }
        for field in ["event_type", "message_id"] {
            assert!(fields[field]["pattern"].is_string(), "{field}");
        }
        let about = components["parameters"]["after"]["description"].as_str().unwrap();
        assert!(about.contains("`cursor`"), "{about}");
    }
}
