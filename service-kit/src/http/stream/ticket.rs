//! One-use tickets for streams: a browser's own `EventSource` cannot send an `Authorization` header.
//!
//! A ticket is 32 random bytes in base64url. It opens one stream of one service, once, within a minute, with the rights of the
//! session that requested it and no longer than the token of that request. A service stores only the ticket's SHA-256 and,
//! where it has to check the session again later, the token sealed under the ticket itself (AES-256-GCM, a key derived by
//! HKDF-SHA256): the stored data opens nothing. Tickets stand in query strings, which are never logged; a ticket has no
//! `Debug`, `Display` or `Serialize`.

use std::future::Future;

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::Serialize;
use sha2::{Digest, Sha256};
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::http::auth::LiveBearer;
use crate::http::problem::{ErrorCode, Problem};
use crate::http::server::head_only;
use crate::ids;

/// How long a ticket waits for its use.
pub const LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// Live tickets of one user.
pub const MAX_OF_USER: i32 = 10;

const BYTES: usize = 32;
/// 32 bytes in base64url.
const CHARS: usize = 43;
const PARAMETER: &str = "ticket";
const SALT: &[u8] = b"stream ticket";

/// A ticket on its way to or from its holder.
pub struct StreamTicket(String);

/// The stored form of a ticket, in hex digits; bound to the stream, so that no other stream finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHash(String);

impl TicketHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StreamTicket {
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(ids::random_bytes::<BYTES>()))
    }

    /// None if it cannot be one of ours.
    fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == CHARS && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == BYTES);
        ours.then(|| Self(text.to_owned()))
    }

    /// 256 random bits need neither salt nor stretching.
    pub fn hash(&self, stream: &str) -> TicketHash {
        let mut hasher = Sha256::new();
        hasher.update(stream.as_bytes());
        hasher.update([0]);
        hasher.update(self.0.as_bytes());
        TicketHash(hex::encode(hasher.finalize()))
    }

    /// The caller's token, which this ticket alone opens again.
    pub fn seal(&self, stream: &str, bearer: &LiveBearer) -> Result<Vec<u8>, Problem> {
        let sealed = self.seal_text(stream, bearer.token());
        sealed.ok_or_else(|| Problem::internal(&std::io::Error::other("a token cannot be sealed under a ticket")))
    }

    /// The caller whose token was sealed, if that token still counts.
    pub async fn open(&self, stream: &str, sealed: &[u8], request: &HttpRequest) -> Result<LiveBearer, Problem> {
        let token = self.open_text(stream, sealed).ok_or_else(refused)?;
        LiveBearer::authenticate(request, token).await
    }

    fn key(&self, stream: &str) -> Option<RandomizedNonceKey> {
        let mut key = [0; BYTES];
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(self.0.as_bytes());
        root.expand(&[stream.as_bytes()], &AES_256_GCM).ok()?.fill(&mut key).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok()
    }

    fn seal_text(&self, stream: &str, text: &str) -> Option<Vec<u8>> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self.key(stream)?.seal_in_place_append_tag(Aad::empty(), &mut sealed).ok()?;
        Some([nonce.as_ref(), sealed.as_slice()].concat())
    }

    fn open_text(&self, stream: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = sealed.to_vec();
        let text = self.key(stream)?.open_in_place(Nonce::from(nonce), Aad::empty(), &mut text).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// The store of the tickets of one stream, with the data of each.
pub trait Tickets {
    /// The data stored with a new ticket.
    type New;
    /// The rights that a ticket grants.
    type Grant;

    /// Keeps a new ticket for [`LIFETIME`]; false if its user has [`MAX_OF_USER`].
    fn put(&self, hash: TicketHash, new: Self::New) -> impl Future<Output = Result<bool, Problem>>;

    /// The rights of a ticket, if it can still be used.
    fn find(&self, hash: TicketHash) -> impl Future<Output = Result<Option<Self::Grant>, Problem>>;

    /// The same, and the ticket is spent: of many who ask at the same time one gets it.
    fn take(&self, hash: TicketHash) -> impl Future<Output = Result<Option<Self::Grant>, Problem>>;
}

/// A ticket with which a stream can be opened once.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamTicket)]
pub struct TicketBody {
    /// For `?ticket=` of the stream, once.
    #[schema(min_length = 43, max_length = 43)]
    ticket: String,
    /// Seconds until it can be used no longer.
    #[schema(example = 60)]
    expires_in: i64,
}

/// Keeps a ticket and answers it.
pub async fn give<T: Tickets>(
    tickets: &T,
    stream: &str,
    ticket: StreamTicket,
    new: T::New,
) -> Result<HttpResponse, Problem> {
    if !tickets.put(ticket.hash(stream), new).await? {
        let detail = format!("You have {MAX_OF_USER} tickets that were not used; use them, or wait a minute.");
        let after = LIFETIME.to_std().unwrap_or_default();
        return Err(Problem::new(ErrorCode::TooManyRequests, detail).with_retry_after(after));
    }
    let body = TicketBody { ticket: ticket.0, expires_in: LIFETIME.num_seconds() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

/// The ticket of a request that has no token; refused if it cannot be one.
pub fn from_request(request: &HttpRequest) -> Option<Result<StreamTicket, Problem>> {
    if request.headers().contains_key(AUTHORIZATION) {
        return None;
    }
    let (_, text) = form_urlencoded::parse(request.query_string().as_bytes()).find(|(name, _)| name == PARAMETER)?;
    Some(StreamTicket::parse(&text).ok_or_else(refused))
}

/// The rights of a ticket. It is spent, unless only the head of the answer is asked for.
pub async fn redeem<T: Tickets>(tickets: &T, stream: &str, ticket: &StreamTicket) -> Result<T::Grant, Problem> {
    let hash = ticket.hash(stream);
    let found = if head_only() { tickets.find(hash).await? } else { tickets.take(hash).await? };
    found.ok_or_else(refused)
}

/// The same for an unknown ticket, one that was used and one whose time is over.
pub(super) fn refused() -> Problem {
    Problem::new(ErrorCode::InvalidToken, "The ticket is not valid, was used, or has expired; ask for a new one.")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_ticket_is_known_by_a_hash_of_its_stream() {
        let ticket = StreamTicket::generate();
        let back = StreamTicket::parse(&ticket.0).unwrap();
        assert_eq!(ticket.hash("logs"), back.hash("logs"));
        assert_ne!(ticket.hash("logs"), ticket.hash("changes"));
        assert_ne!(ticket.hash("logs"), StreamTicket::generate().hash("logs"));
        assert!(!ticket.hash("logs").as_str().contains(&ticket.0));
    }

    #[test]
    fn what_a_ticket_sealed_it_alone_opens_for_its_stream() {
        let (ticket, other) = (StreamTicket::generate(), StreamTicket::generate());
        let sealed = ticket.seal_text("logs", "token").unwrap();
        assert_eq!(ticket.open_text("logs", &sealed).as_deref(), Some("token"));
        assert_eq!(ticket.open_text("changes", &sealed), None);
        assert_eq!(other.open_text("logs", &sealed), None);
        for broken in [&sealed[1..], &sealed[..sealed.len() - 1], &[], &[0; 64]] {
            assert_eq!(ticket.open_text("logs", broken), None);
        }
        assert!(!sealed.windows(5).any(|five| five == b"token"));
        assert_ne!(ticket.seal_text("logs", "token").unwrap(), sealed, "another nonce each time");
    }

    #[test]
    fn a_ticket_is_read_only_without_a_token() {
        let text = StreamTicket::generate().0;
        let with = |query: &str| TestRequest::with_uri(&format!("/stream{query}"));
        let given = format!("?channels=card&ticket={text}");
        assert!(from_request(&with(&given).to_http_request()).is_some_and(|ticket| ticket.is_ok()));
        assert!(from_request(&with("?channels=card").to_http_request()).is_none());
        let token = with(&given).insert_header((AUTHORIZATION, "Bearer x")).to_http_request();
        assert!(from_request(&token).is_none());
        for bad in ["", "abc", &"=".repeat(43), &"A".repeat(44), "eyJhbGciOiJFZERTQSJ9.e30.c2ln"] {
            let request = with(&format!("?ticket={bad}")).to_http_request();
            assert!(from_request(&request).is_some_and(|ticket| ticket.is_err()), "{bad:?}");
        }
    }
}
