//! The answers to a change: `{"msg": "item created", "item": {…}}`.

use actix_web::HttpResponse;
use actix_web::http::header;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemBody<T> {
    /// `item created`, `item updated` or `item deleted`.
    #[schema(example = "item created")]
    pub msg: &'static str,
    /// The item: as it is now, or as it was.
    pub item: T,
}

/// `201`: the new item, and where it is from now on.
pub fn created<T: Serialize>(item: &T, location: &str) -> HttpResponse {
    HttpResponse::Created().insert_header((header::LOCATION, location)).json(of_created(item))
}

/// The body of that answer, to be kept.
pub fn created_body<T: Serialize>(item: &T) -> serde_json::Result<String> {
    serde_json::to_string(&of_created(item))
}

fn of_created<T>(item: &T) -> ItemBody<&T> {
    ItemBody { msg: "item created", item }
}

/// `200`: the item as it is now.
pub fn updated<T: Serialize>(item: &T) -> HttpResponse {
    HttpResponse::Ok().json(ItemBody { msg: "item updated", item })
}

/// `200`: the item as it was.
pub fn deleted<T: Serialize>(item: &T) -> HttpResponse {
    HttpResponse::Ok().json(ItemBody { msg: "item deleted", item })
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use actix_web::http::StatusCode;

    use super::*;

    #[test]
    fn the_message_comes_first_and_names_the_change() {
        let response = created(&serde_json::json!({ "id": 1 }), "/api/banks/1");
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers().get(header::LOCATION).unwrap(), "/api/banks/1");
        let body = response.into_body().try_into_bytes().unwrap();
        assert_eq!(body, r#"{"msg":"item created","item":{"id":1}}"#);
        assert_eq!(body, created_body(&serde_json::json!({ "id": 1 })).unwrap());
    }
}
