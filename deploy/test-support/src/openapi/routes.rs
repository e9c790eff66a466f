//! The routes that a server really registers, to compare a document with.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, HttpRequest, web};

/// Every route that a configuration registers, as `GET /api/banks/{id}`. The paths come from the server's own map, the methods
/// from the `Allow` of its answer to a method that no route takes.
pub async fn registered_routes(configure: impl FnOnce(&mut web::ServiceConfig)) -> BTreeSet<String> {
    let map = web::to(|request: HttpRequest| async move { format!("{:#?}", request.resource_map()) });
    let app = init_service(App::new().configure(configure).default_service(map)).await;
    let text = call_and_read_body(&app, TestRequest::with_uri("/no/such/route").to_request()).await;
    let mut routes = BTreeSet::new();
    for path in paths(&String::from_utf8_lossy(&text)) {
        let uri = path.replace(['{', '}'], "");
        let answer = call_service(&app, TestRequest::with_uri(&uri).method(Method::PATCH).to_request()).await;
        let allow = answer.headers().get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or("UNKNOWN");
        routes.extend(allow.split(',').map(|method| format!("{} {path}", method.trim())));
    }
    routes
}

/// The full patterns of the resources in a printed map. A scope's pattern stands before those of its content, and less
/// indented.
fn paths(map: &str) -> Vec<String> {
    let lines: Vec<&str> = map.lines().collect();
    let is_pattern = |pair: &&[&str]| matches!(pair, [before, _] if before.trim() == "patterns: Single(");
    let patterns = lines.windows(2).filter(is_pattern).filter_map(|pair| pair.last());
    let mut found: Vec<Found> = Vec::new();
    for line in patterns {
        let indent = line.len() - line.trim_start().len();
        let pattern = line.trim().trim_matches(['"', ',']);
        // The nearest earlier pattern that is less indented, unless one of that depth came between.
        let around = found.iter_mut().rev().find(|other| other.indent < indent);
        let path = match around {
            Some(scope) => {
                scope.is_scope = true;
                format!("{}{pattern}", scope.path)
            }
            None => pattern.to_owned(),
        };
        found.push(Found { indent, path, is_scope: false });
    }
    found.into_iter().filter(|one| !one.is_scope).map(|one| one.path).collect()
}

/// A pattern of the map, in full.
struct Found {
    indent: usize,
    path: String,
    /// It contains other patterns, so it is no route itself.
    is_scope: bool,
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;

    use super::*;

    #[actix_web::test]
    async fn routes_are_found_in_scopes_and_with_all_their_methods() {
        let answer = || std::future::ready(HttpResponse::Ok().finish());
        let routes = registered_routes(|config| {
            config.service(web::resource("/a/{id}").route(web::get().to(answer)).route(web::put().to(answer))).service(
                web::scope("/s")
                    .service(web::resource("").post(answer))
                    .service(web::resource("/deep/{x}").get(answer)),
            );
        });
        let expected = ["GET /a/{id}", "GET /s/deep/{x}", "POST /s", "PUT /a/{id}"];
        assert_eq!(routes.await.into_iter().collect::<Vec<_>>(), expected);
    }
}
