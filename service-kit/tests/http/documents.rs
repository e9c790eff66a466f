//! Static content is compressed once, and not sent to a client that has it.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::support::{answer, settings, start, start_with};

#[actix_web::test]
async fn documents_come_compressed_to_who_takes_that() {
    let started = start();
    for path in ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.js"] {
        let plain = started.get(path).await;
        assert!(plain.headers.get("content-encoding").is_none(), "{path}");
        let packed = answer(started.client.get(started.url(path)).header("accept-encoding", "br, gzip;q=0.8")).await;
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(packed.header("etag"), plain.header("etag"), "{path}");
        assert_eq!(packed.header("vary"), "Accept-Encoding, Origin", "{path}");
        let refused = answer(started.client.get(started.url(path)).header("accept-encoding", "gzip;q=0")).await;
        assert_eq!(refused.text, plain.text, "{path}");
    }
}

#[actix_web::test]
async fn a_document_that_the_client_has_is_not_sent_again() {
    let started = start();
    for path in ["/openapi.json", "/docs", "/docs/swagger-ui.css"] {
        let tag = started.get(path).await.header("etag").to_owned();
        let given = answer(started.client.get(started.url(path)).header("if-none-match", &tag)).await;
        assert_eq!((given.status, given.text.as_str()), (304, ""), "{path}");
        assert_eq!((given.header("etag"), given.header("cache-control")), (tag.as_str(), "no-cache"), "{path}");
    }
}

#[actix_web::test]
async fn if_none_match_is_compared_weakly_and_only_for_good_answers() {
    let tagged = |config: &mut web::ServiceConfig| {
        let item = || async { HttpResponse::Ok().insert_header(("etag", "\"7\"")).json(json!({ "id": 1 })) };
        let change = || async { HttpResponse::Ok().insert_header(("etag", "\"7\"")).json(json!({ "id": 2 })) };
        let lost = || async { HttpResponse::NotFound().insert_header(("etag", "\"7\"")).json(json!({})) };
        config.service(web::resource("/item").route(web::get().to(item)).route(web::put().to(change)));
        config.route("/lost", web::get().to(lost));
    };
    let started = start_with(settings(), tagged);
    let ask = async |path: &str, tags: &str| {
        answer(started.client.get(started.url(path)).header("if-none-match", tags)).await.status
    };
    for tags in ["\"7\"", "W/\"7\"", "\"6\", \"7\"", "*", " W/\"5\" ,W/\"7\"", "\"a,b\", \"7\""] {
        assert_eq!(ask("/item", tags).await, 304, "{tags}");
    }
    for tags in ["\"6\"", "7", "", "\"77\"", "\"7", "w/\"7\"", "\"a,*,b\""] {
        assert_eq!(ask("/item", tags).await, 200, "{tags}");
    }
    assert_eq!(ask("/lost", "\"7\"").await, 404);
    let head = answer(started.client.head(started.url("/item")).header("if-none-match", "\"7\"")).await;
    assert_eq!(head.status, 304);
    let put = answer(started.client.put(started.url("/item")).header("if-none-match", "\"7\"")).await;
    assert_eq!(put.status, 200);
}
