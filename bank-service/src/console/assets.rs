//! The style and the scripts of the console. All of them come with the binary; a name holds the hash of the content, so a browser keeps
//! a file as long as it is the same.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::problem::Problem;
use service_kit::http::server::Asset;

use super::error::ConsoleError;

/// Where the files are, for templates: `assets.style`, `assets.htmx` and so on.
#[derive(Serialize)]
pub(super) struct Paths {
    style: String,
    script: String,
    htmx: String,
    sse: String,
}

struct Files {
    paths: Paths,
    files: Vec<(String, Asset)>,
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let mut files = Vec::new();
    let mut add = |name: &str, kind: &str, content: &'static [u8]| match Asset::new(kind, content) {
        Ok(asset) => {
            let name = format!("{}.{name}", asset.hash());
            let path = format!("/console/assets/{name}");
            files.push((name, asset));
            path
        }
        Err(error) => {
            tracing::error!(%error, name, "a file of the console cannot be compressed");
            String::new()
        }
    };
    let paths = Paths {
        style: add("console.css", "text/css; charset=utf-8", include_bytes!("assets/console.css")),
        script: add("console.js", "text/javascript; charset=utf-8", include_bytes!("assets/console.js")),
        htmx: add("htmx.js", "text/javascript; charset=utf-8", include_bytes!("assets/htmx.min.js")),
        sse: add("htmx-sse.js", "text/javascript; charset=utf-8", include_bytes!("assets/htmx-sse.min.js")),
    };
    Files { paths, files }
});

pub(super) fn paths() -> &'static Paths {
    &FILES.paths
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/assets/{name}").route(web::get().to(file)));
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, ConsoleError> {
    let found = FILES.files.iter().find(|(known, _)| *known == *name);
    let (_, asset) = found.ok_or_else(|| Problem::not_found("file"))?;
    Ok(asset.answer_for_good(&request))
}
