//! The access check of every route: the token first, then the right, and only then the body.

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use service_kit::http::auth::{Bearer, Claims};
use service_kit::http::problem::Problem;

use crate::domain::{Access, Right, Visibility};

/// A right as a type, so that a handler's signature shows the right it requires.
pub(super) trait Rule: 'static {
    const RIGHT: Right;
}

pub(super) struct Read;
pub(super) struct Record;
pub(super) struct LookUp;
pub(super) struct Change;

impl Rule for Read {
    const RIGHT: Right = Right::Read;
}

impl Rule for Record {
    const RIGHT: Right = Right::Record;
}

impl Rule for LookUp {
    const RIGHT: Right = Right::LookUp;
}

impl Rule for Change {
    const RIGHT: Right = Right::Change;
}

/// A caller that has the right, and its request data. The body is not read before the right is checked.
pub(super) struct Permitted<R, T = ()> {
    pub(super) claims: Claims,
    pub(super) access: Access,
    pub(super) body: T,
    rule: PhantomData<R>,
}

impl<R, T> Permitted<R, T> {
    /// The entries that the caller sees.
    pub(super) fn visibility(&self) -> Result<Visibility, Problem> {
        self.access.visibility().ok_or_else(Problem::access_denied)
    }
}

impl<R: Rule, T: FromRequest + 'static> FromRequest for Permitted<R, T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Bearer(claims) = Bearer::extract(&request).await?;
            let access = Access::of(&claims);
            if !access.may(R::RIGHT) {
                return Err(Problem::access_denied().into());
            }
            let body = T::from_request(&request, &mut payload).await.map_err(Into::into)?;
            Ok(Self { claims, access, body, rule: PhantomData })
        })
    }
}
