//! Parts that every service's OpenAPI document shares.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, OpenApiVersion};

/// The name of the security scheme of bearer tokens.
pub const BEARER: &str = "bearer";

/// Sets the version to 3.1 and declares the bearer scheme; as the default of all operations if `required`.
pub fn finish(document: &mut OpenApi, bearer_required: bool) {
    document.openapi = OpenApiVersion::Version31;
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("JWT".to_owned());
    scheme.description = Some("An access token of bank-service: `POST /auth/login`.".to_owned());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    if bearer_required {
        document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    }
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::OpenApiBuilder;

    use super::*;

    #[test]
    fn the_document_is_3_1_and_names_the_scheme() {
        let mut document = OpenApiBuilder::new().build();
        finish(&mut document, true);
        let json = serde_json::to_value(&document).unwrap();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(json["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert_eq!(json["security"][0]["bearer"], serde_json::json!([]));
    }
}
