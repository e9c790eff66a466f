//! `GET /api/accounts/{id}/statement`: what moved on an account in a period, in the formats of banks.
//!
//! It is read in pages and written as it is read, so memory stays flat at any size. If the store or the client is too slow, the
//! service stops, or the caller loses the right to read, the transfer is broken off, so that a part never passes for the whole.

mod json;
mod request;
mod writing;

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use service_kit::http::fields::PathId;
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::http::server::head_only;
use service_kit::http::stream::feed;
use service_kit::lifecycle::Shutdown;
use service_kit::task;
use shared_events::{AccountId, UserId};

use crate::domain::policy::{Action, Scope};
use crate::domain::session::SessionId;
use crate::domain::statement::StatementFormat;
use crate::http::actor::Actor;
use crate::http::state::AppState;
use crate::operations::ledger::{StatementOrder, open_statement};
use json::StatementBody;
use request::{StatementParams, StatementRequest, media_type};
use writing::Writing;

/// How long the client may take for a chunk.
const SEND_LIMIT: Duration = Duration::from_secs(30);

/// Read the statement of an account
///
/// Days are those of `LEDGER_TIMEZONE`, and closed a minute after their end. Without a period it is the last closed month; `from` alone
/// goes up to the last closed day, `to` alone begins with its month. An answer that breaks off is not complete.
#[utoipa::path(
    get,
    path = "/api/accounts/{id}/statement",
    tag = "money",
    params(StatementParams),
    responses(
        (status = 200, description = "The statement", content(
            (StatementBody = "application/json"), (String = "application/pdf"), (String = "application/x-mt940"),
            (String = "application/x-ofx"), (String = "application/xml"), (String = "text/csv"),
        )),
        (status = 422, description = "A fault in the period or the format: `validation_failed`; or the period is not closed: `period_not_closed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many statements at the same time", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn read_account_statement(
    state: web::Data<AppState>,
    shutdown: web::Data<Shutdown>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let reader =
        Reader { user_id: actor.user_id, session_id: actor.session_id, scope: actor.may(Action::ReadEntries)? };
    send_statement(&state, &shutdown, reader, id.0, &request).await
}

/// The receiver of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) user_id: UserId,
    /// The statement is broken off when it ends.
    pub(crate) session_id: SessionId,
    /// In which it may read entries.
    pub(crate) scope: Scope,
}

/// Streams the statement that a request's query asks for.
pub(crate) async fn send_statement(
    state: &AppState,
    shutdown: &Shutdown,
    reader: Reader,
    account_id: AccountId,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = reader.scope;
    let (calendar, now) = (state.settings.calendar, state.clock.now());
    let StatementRequest { period, format } = StatementRequest::read(request, calendar, now)?;
    if format.is_final() && !period.is_closed(calendar, now) {
        let detail = "Entries of this period may still come; ask for days that are over, or for json, csv or pdf.";
        return Err(Problem::new(ErrorCode::PeriodNotClosed, detail));
    }
    let bic = state.settings.bank_bic.clone();
    let order = StatementOrder { account_id, period, calendar, format, bic, now };
    let opened = state.store.read(move |db| open_statement(db, scope, order)).await?;
    let mut answer = head(format, &format!("statement-{account_id}-{}-{}", period.from, period.to));
    if head_only() {
        return Ok(answer.finish());
    }
    let slot = state.limits.statements.take(reader.user_id)?;
    let (sending, body) = feed(SEND_LIMIT);
    let writing = Writing::new(state.clone(), shutdown.clone(), (reader.session_id, scope), opened, format);
    drop(task::spawn("statement", async move {
        let _slot = slot;
        writing.run(sending).await;
    }));
    Ok(answer.streaming(body))
}

fn head(format: StatementFormat, name: &str) -> HttpResponseBuilder {
    let extension = match format {
        StatementFormat::Json => "json",
        StatementFormat::Csv => "csv",
        StatementFormat::Pdf => "pdf",
        StatementFormat::Camt053 => "xml",
        StatementFormat::Ofx => "ofx",
        StatementFormat::Mt940 => "sta",
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, media_type(format)))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{extension}\"")))
        .insert_header((header::VARY, "Accept"));
    answer
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/accounts/{id}/statement").route(web::get().to(read_account_statement)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(read_account_statement))]
pub(super) struct Document;
