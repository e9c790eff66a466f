//! The reader of a stream or an export: admitted once, and checked again while the answer is written.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use service_kit::http::auth::{Claims, LiveBearer};
use service_kit::http::problem::Problem;

use crate::domain::{Access, Right, Visibility};

/// A caller that may read, and the entries it sees.
pub(super) struct Reader {
    bearer: LiveBearer,
    pub(super) visibility: Visibility,
}

impl Reader {
    pub(super) fn of(bearer: LiveBearer) -> Result<Self, Problem> {
        let visibility = sees(bearer.claims()).ok_or_else(Problem::access_denied)?;
        Ok(Self { bearer, visibility })
    }

    pub(super) fn bearer(&self) -> &LiveBearer {
        &self.bearer
    }

    /// The caller whose limit it counts against.
    pub(super) fn caller(&self) -> &str {
        &self.bearer.claims().sub
    }

    /// Returns once the caller's access changes: its token or session ended, it was blocked, or it sees other entries now.
    pub(super) async fn until_refused(&self, every: Duration) {
        self.bearer.until_refused(every, |claims| sees(claims) == Some(self.visibility)).await;
    }
}

fn sees(claims: &Claims) -> Option<Visibility> {
    let access = Access::of(claims);
    access.visibility().filter(|_| access.may(Right::Read))
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bearer = LiveBearer::from_request(request, payload);
        Box::pin(async move { Self::of(bearer.await?) })
    }
}
