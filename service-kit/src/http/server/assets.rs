//! Files that stay the same while a server runs: compressed once, when it starts, and served from shared bytes.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, AcceptEncoding, Encoding, Header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

/// The files of the documentation's page, by what follows `/docs/`. All of them come with the binary.
const FILES: [&str; 8] = [
    "",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The same in every server of a process.
static DOCUMENTATION: LazyLock<HashMap<&'static str, Asset>> =
    LazyLock::new(|| FILES.iter().filter_map(|name| Some((*name, documentation_file(name)?))).collect());

/// A file, plain and compressed. Clones share the bytes.
#[derive(Clone)]
pub struct Asset {
    content_type: String,
    plain: Bytes,
    gzip: Bytes,
    tag: String,
}

impl Asset {
    /// Compresses it.
    pub fn new(content_type: &str, plain: impl Into<Bytes>) -> io::Result<Self> {
        let plain = plain.into();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&plain)?;
        let digest = Sha256::digest(&plain);
        // Weak: the compressed file is the same content in other bytes.
        let tag = format!("W/\"{}\"", hex::encode(digest.get(..16).unwrap_or_default()));
        Ok(Self { content_type: content_type.to_owned(), gzip: gzip.finish()?.into(), plain, tag })
    }

    /// The beginning of the SHA-256 of its content, in hex digits.
    pub fn hash(&self) -> &str {
        self.tag.trim_start_matches("W/").trim_matches('"')
    }

    /// To be asked for again by its tag: the content behind a path may change.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        self.respond(request, "no-cache")
    }

    /// To be kept: its path has the hash.
    pub fn answer_for_good(&self, request: &HttpRequest) -> HttpResponse {
        self.respond(request, "public, max-age=31536000, immutable")
    }

    fn respond(&self, request: &HttpRequest, cache: &'static str) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header((header::CONTENT_TYPE, self.content_type.as_str()))
            .insert_header((header::CACHE_CONTROL, cache))
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::VARY, "Accept-Encoding"));
        if takes_gzip(request) {
            return answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(self.gzip.clone());
        }
        answer.body(self.plain.clone())
    }
}

/// A file of the documentation's page.
pub(super) fn documentation(name: &str) -> Option<&'static Asset> {
    DOCUMENTATION.get(name)
}

/// The page loads its files by relative paths; with a base it works at `/docs` as well as below `/v1`.
const HEAD: &str =
    "<head><base href=\"/docs/\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
/// The page is drawn by its scripts.
const BODY: &str = "<body><noscript><p>This page needs JavaScript. The document that it shows is \
    <a href=\"/openapi.json\">/openapi.json</a>.</p></noscript>";

/// Compresses the documentation now rather than during a request.
pub(super) fn prepare_documentation() {
    LazyLock::force(&DOCUMENTATION);
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = AcceptEncoding::parse(request).ok();
    let supported = [Encoding::gzip(), Encoding::identity()];
    accepted.and_then(|accepted| accepted.negotiate(supported.iter())) == Some(Encoding::gzip())
}

fn documentation_file(name: &str) -> Option<Asset> {
    let config = Arc::new(Config::from("/openapi.json").try_it_out_enabled(true));
    let made = utoipa_swagger_ui::serve(name, config).map_err(|error| error.to_string()).and_then(|file| {
        let file = file.ok_or("it is not in the binary")?;
        let mut bytes = file.bytes.into_owned();
        if file.content_type.starts_with("text/html") {
            let page = String::from_utf8_lossy(&bytes).replacen("<head>", HEAD, 1).replacen("<body>", BODY, 1);
            bytes = page.into_bytes();
        }
        Asset::new(&file.content_type, bytes).map_err(|error| error.to_string())
    });
    made.inspect_err(|error| tracing::error!(name, error, "a file of the documentation is missing")).ok()
}
