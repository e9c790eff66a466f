//! The answers to a change: `{"msg": "item created", "item": {…}}`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The shape of an answer to a change, also for the OpenAPI document.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemBody<T> {
    /// `item created`, `item updated` or `item deleted`.
    #[schema(example = "item created")]
    pub msg: &'static str,
    pub item: T,
}

/// `201`: the new item.
pub fn created<T: Serialize>(item: &T) -> HttpResponse {
    answer(StatusCode::CREATED, "item created", item)
}

/// `200`: the item as it is now.
pub fn updated<T: Serialize>(item: &T) -> HttpResponse {
    answer(StatusCode::OK, "item updated", item)
}

/// `200`: the item as it was.
pub fn deleted<T: Serialize>(item: &T) -> HttpResponse {
    answer(StatusCode::OK, "item deleted", item)
}

fn answer<T: Serialize>(status: StatusCode, msg: &'static str, item: &T) -> HttpResponse {
    HttpResponse::build(status).json(ItemBody { msg, item })
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    #[test]
    fn the_message_comes_first_and_names_the_change() {
        let response = created(&serde_json::json!({ "id": 1 }));
        assert_eq!(response.status(), StatusCode::CREATED);
        let body = response.into_body().try_into_bytes().unwrap();
        assert_eq!(body, r#"{"msg":"item created","item":{"id":1}}"#);
    }
}
