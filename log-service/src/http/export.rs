//! `GET /api/logs/export`: all selected entries, as NDJSON or CSV.
//!
//! Read in keyset pages and written as it is read, so memory stays flat at any size. The export ends at the newest entry at its
//! start. If the store or the client is too slow for a page, the transfer is aborted, so that a short export never passes for a
//! complete one; so it is when the token or its session ends, the user is blocked, or the user's visibility changes (checked
//! every 2 s).

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use service_kit::http::problem::Problem;
use service_kit::http::server::head_only;
use service_kit::http::stream::{CHUNK_BYTES, Feed, Gone, feed};
use service_kit::task;

use super::params::Params;
use super::problems::of_store;
use super::reader::Reader;
use super::{Api, csv};
use crate::domain::{LogEntry, LogId, Order, Selection};
use crate::store::{Start, Window};

const PAGE: i64 = 500;
/// How long the store may take for a page, and the client for a chunk.
const PAGE_LIMIT: Duration = Duration::from_secs(10);
const SEND_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
enum Format {
    Ndjson,
    Csv,
}

struct Export {
    format: Format,
    order: Order,
    selection: Selection,
    until: LogId,
}

#[utoipa::path(
    get, path = "/api/logs/export", tag = "logs", operation_id = "export_logs", summary = "Export entries",
    params(super::models::FormatParam, super::models::FilterParams, super::models::OrderParam),
    responses(
        (status = 200, description = "The entries, one per line", content(
            (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        super::responses::ReadProblems, super::responses::FilterProblem, super::responses::BusyProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn export(api: web::Data<Api>, reader: Reader, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut params = Params::read(request.query_string())?;
    let format = params.take("format", |text| match text {
        "ndjson" => Ok(Format::Ndjson),
        "csv" => Ok(Format::Csv),
        _ => Err("must be ndjson or csv".to_owned()),
    });
    let (order, filter) = (params.order(), params.filter());
    params.finish()?;
    let format = format.unwrap_or(Format::Ndjson);
    let selection = Selection { visibility: reader.visibility, filter };
    if head_only() {
        return Ok(format.head().finish());
    }
    let slot = api.exports.take(reader.caller().to_owned())?;
    // Asked before the answer begins: an unavailable store is a 503, not a broken file.
    let newest = api.store.last().await.map_err(of_store)?;
    let (sending, body) = feed(SEND_LIMIT);
    drop(task::spawn("export", async move {
        let _slot = slot;
        let written = async {
            match newest {
                Some(until) => write(&api, &Export { format, order, selection, until }, sending).await,
                None => finish(format, sending).await,
            }
        };
        tokio::select! {
            () = written => {}
            () = reader.until_refused(api.stream.recheck) => {
                tracing::info!("an export was broken off: who asked for it may not read this any more");
            }
        }
    }));
    Ok(format.head().streaming(body))
}

async fn finish(format: Format, sending: Feed) {
    let sent = sending.send(format.header()).await;
    if sent.is_err() || sending.finish().await.is_err() {
        tracing::debug!("the reader of an empty export has gone");
    }
}

async fn write(api: &Api, export: &Export, sending: Feed) {
    let mut text = export.format.header().to_owned();
    let mut position = None;
    loop {
        let window = Window {
            order: export.order,
            start: Start::After(position),
            limit: PAGE,
            until: Some(export.until.clone()),
        };
        let page = match tokio::time::timeout(PAGE_LIMIT, api.store.read(&export.selection, window)).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => return tracing::error!(%error, "an export was broken off"),
            Err(_) => return tracing::error!("an export was broken off: the store took too long"),
        };
        let last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        position = page.last().map(|entry| entry.id.clone());
        if export.send(&page, &mut text, &sending).await.is_err() || api.shutdown.begun() {
            return tracing::info!("an export was broken off: its reader has gone, or the service stops");
        }
        if last {
            break;
        }
    }
    if sending.send(text).await.is_err() || sending.finish().await.is_err() {
        tracing::info!("the reader of an export has gone");
    }
}

impl Export {
    /// Writes a page, sending whatever makes a chunk; the rest stays in `text`.
    async fn send(&self, page: &[LogEntry], text: &mut String, sending: &Feed) -> Result<(), Gone> {
        for entry in page {
            self.format.write(entry, text);
            if text.len() >= CHUNK_BYTES {
                sending.send(std::mem::take(text)).await?;
            }
        }
        Ok(())
    }
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn disposition(self) -> &'static str {
        match self {
            Self::Ndjson => "attachment; filename=\"logs.ndjson\"",
            Self::Csv => "attachment; filename=\"logs.csv\"",
        }
    }

    fn head(self) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        response
            .insert_header((header::CONTENT_TYPE, self.media_type()))
            .insert_header((header::CONTENT_DISPOSITION, self.disposition()));
        response
    }

    fn header(self) -> &'static str {
        match self {
            Self::Ndjson => "",
            Self::Csv => csv::HEADER,
        }
    }

    fn write(self, entry: &LogEntry, out: &mut String) {
        match self {
            // An entry holds texts, numbers and JSON: writing it cannot fail.
            Self::Ndjson => {
                out.push_str(&serde_json::to_string(entry).unwrap_or_default());
                out.push('\n');
            }
            Self::Csv => csv::write_line(entry, out),
        }
    }
}
