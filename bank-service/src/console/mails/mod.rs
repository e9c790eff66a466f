//! `/console/mails`: the deliveries of email-service, by its API. A delivery that has failed is tried again by the attempts of its
//! event; once the event is a dead letter, its replay is the way to send the mail again, under the same Message-ID. A replay sends no
//! mail that was accepted or refused for good: email-service keeps those records as they are.

mod templates;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::http::problem::Problem;
use shared_events::EventId;
use shared_events::routing::EMAIL_QUEUE;
use url::form_urlencoded;

use crate::console::error::ConsoleError;
use crate::console::page::page;
use crate::console::peers::{Peer, PeerFault};
use crate::console::staff::Staff;
use crate::domain::policy::Action;
use crate::http::AppState;

const PAGE: &str = "/console/mails";
const PAGE_SIZE: i64 = 25;
const STATES: [&str; 4] = ["sending", "sent", "rejected", "failed"];

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/mails").route(web::get().to(show_list)))
        .configure(templates::configure)
        .service(web::resource("/mails/{id}").route(web::get().to(show_one)));
}

/// The filters, as they are shown again; an empty one is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filters {
    state: String,
    event_type: String,
    event_id: String,
    /// The number of the page, counted from the oldest.
    page: String,
}

/// A delivery, of which the page shows these fields. The recipient is masked.
#[derive(Debug, Serialize, Deserialize)]
struct Delivery {
    id: i64,
    event_id: String,
    event_type: String,
    recipient: String,
    message_id: String,
    state: String,
    attempts: i64,
    answer: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Default, Deserialize)]
struct List {
    results: Vec<Delivery>,
    pages: Option<i64>,
}

/// The variables of `mails.html`.
#[derive(Serialize)]
struct ListView {
    filters: Filters,
    states: [&'static str; STATES.len()],
    mails: Vec<Delivery>,
    fault: Option<PeerFault>,
    newer: Option<String>,
    older: Option<String>,
}

/// The variables of `mail.html`.
#[derive(Serialize)]
struct MailView {
    mail: Option<Delivery>,
    /// The queue whose dead letter of this event a replay would send the mail with.
    dead_letter_of: Option<&'static str>,
    fault: Option<PeerFault>,
}

impl Filters {
    fn given(&self) -> Vec<(&'static str, String)> {
        let all = [("state", &self.state), ("event_type", &self.event_type), ("event_id", &self.event_id)];
        let given = all.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        given.filter(|(_, value)| !value.is_empty()).collect()
    }

    fn link(&self, number: i64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.given()).append_pair("page", &number.to_string());
        format!("{PAGE}?{}", query.finish())
    }
}

async fn show_list(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let filters = web::Query::<Filters>::from_query(request.query_string());
    let filters =
        filters.map_err(|_| Problem::malformed("The address has other parameters than this page."))?.into_inner();
    let number = filters.page.parse::<i64>().ok().filter(|number| *number >= 1);
    let (list, number, fault) = match deliveries(&state, &staff, &filters, number).await {
        Ok((list, number)) => (list, number, None),
        Err(fault) => (List::default(), 1, Some(fault)),
    };
    let pages = list.pages.unwrap_or(1);
    let view = ListView {
        newer: (number < pages).then(|| filters.link(number + 1)),
        older: (number > 1).then(|| filters.link(number - 1)),
        // A page of the API begins with its oldest.
        mails: list.results.into_iter().rev().collect(),
        states: STATES,
        filters,
        fault,
    };
    page(&staff, &request, "Mails", "mails.html", view)
}

/// A page of deliveries; without a number the last one, which has the newest.
async fn deliveries(
    state: &AppState,
    staff: &Staff,
    filters: &Filters,
    number: Option<i64>,
) -> Result<(List, i64), PeerFault> {
    let peer = Peer::email_service(state, staff)?;
    let read = async |number: i64| {
        let mut query = filters.given();
        query.extend([("page_number", number.to_string()), ("page_size", PAGE_SIZE.to_string())]);
        peer.get::<List>("/api/emails", &query).await
    };
    let asked = number.unwrap_or(1);
    let found = read(asked).await?;
    match (number, found.pages) {
        (None, Some(last)) if last > asked => Ok((read(last).await?, last)),
        _ => Ok((found, asked)),
    }
}

async fn show_one(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let missing = || Problem::not_found("mail");
    let id = id.parse::<i64>().ok().filter(|id| *id >= 1).ok_or_else(missing)?;
    let path = format!("/api/emails/{id}");
    let found = async { Peer::email_service(&state, &staff)?.get::<Delivery>(&path, &[]).await };
    let view = match found.await {
        Ok(mail) => {
            let is_replayable = has_dead_letter(&state, &staff, &mail).await;
            MailView { mail: Some(mail), dead_letter_of: is_replayable.then_some(EMAIL_QUEUE), fault: None }
        }
        Err(fault) if fault.is_missing() => return Err(missing().into()),
        Err(fault) => MailView { mail: None, dead_letter_of: None, fault: Some(fault) },
    };
    page(&staff, &request, "A mail", "mail.html", view)
}

/// Whether the event of an unfinished mail is a dead letter that the user may open.
async fn has_dead_letter(state: &AppState, staff: &Staff, mail: &Delivery) -> bool {
    let is_unfinished = matches!(mail.state.as_str(), "sending" | "failed");
    let (Some(admin), Ok(id)) = (&state.dead_letters, mail.event_id.parse::<EventId>()) else { return false };
    if !is_unfinished || !staff.can(Action::ReadDeadLetter) {
        return false;
    }
    match admin.dead_letters().get(EMAIL_QUEUE, id).await {
        Ok(found) => found.is_some(),
        Err(error) => {
            tracing::warn!(%error, "the page of a mail is shown without its dead letter, which cannot be read");
            false
        }
    }
}
