//! Tickets for the stream (see `service_kit::http::stream`), and the caller that opens it.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use service_kit::http::problem::Problem;
use service_kit::http::stream::{
    StreamTicket, TICKET_LIFETIME, TicketBody, TicketHash, Tickets, from_request, give, redeem,
};
use shared_events::UserId;

use super::Api;
use super::problems::of_store;
use super::reader::Reader;
use crate::store::NewTicket;

const STREAM: &str = "logs";

#[utoipa::path(
    post, path = "/api/logs/stream/ticket", tag = "logs", operation_id = "create_log_stream_ticket",
    summary = "Ask for a ticket for the stream",
    description = "A ticket with which the stream can be opened once, within a minute, for clients that cannot send a token with \
                   that request, such as a browser's `EventSource`. At most ten wait at the same time.",
    responses(
        (status = 200, description = "The ticket", body = TicketBody),
        super::responses::ReadProblems, super::responses::BusyProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create_ticket(api: web::Data<Api>, caller: Reader) -> Result<HttpResponse, Problem> {
    let user_id = caller.bearer().claims().user_id.and_then(|id| UserId::try_new(id).ok());
    let user_id = user_id.ok_or_else(Problem::access_denied)?;
    let ticket = StreamTicket::generate();
    let sealed = ticket.seal(STREAM, caller.bearer())?;
    give(&Stored(&api), STREAM, ticket, (user_id, sealed)).await
}

/// The tickets of the store. A new one comes with its user; a ticket grants what was sealed.
struct Stored<'a>(&'a Api);

impl Tickets for Stored<'_> {
    type New = (UserId, Vec<u8>);
    type Grant = Vec<u8>;

    async fn put(&self, hash: TicketHash, (user_id, sealed): Self::New) -> Result<bool, Problem> {
        let now = self.0.clock.now();
        let ticket = NewTicket { hash, user_id, sealed, expires_at: now + TICKET_LIFETIME };
        self.0.store.put_ticket(ticket, now).await.map_err(of_store)
    }

    async fn find(&self, hash: TicketHash) -> Result<Option<Self::Grant>, Problem> {
        self.0.store.find_ticket(&hash, self.0.clock.now()).await.map_err(of_store)
    }

    async fn take(&self, hash: TicketHash) -> Result<Option<Self::Grant>, Problem> {
        self.0.store.take_ticket(&hash, self.0.clock.now()).await.map_err(of_store)
    }
}

/// The reader that opens the stream: by a token, or by a ticket that was issued for a token. The session of either has to count now.
pub(super) struct Listener(pub(super) Reader);

impl FromRequest for Listener {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let api = request.app_data::<web::Data<Api>>().cloned();
        if let (Some(ticket), Some(api)) = (from_request(request), api) {
            let request = request.clone();
            return Box::pin(async move {
                let ticket = ticket?;
                let sealed = redeem(&Stored(&api), STREAM, &ticket).await?;
                Reader::of(ticket.open(STREAM, &sealed, &request).await?).map(Self)
            });
        }
        let reader = Reader::from_request(request, payload);
        Box::pin(async move { reader.await.map(Self) })
    }
}
