//! Servers that are unusable for good: reported at the start, in one line.

use mongodb::Client;
use mongodb::bson::doc;

use super::errors::lasting;
use crate::domain::{clip, single_line};
use crate::store::StoreError;

const MAX_CHARS: usize = 300;

/// An error for a server that refuses the login, has an untrusted certificate, or is no replica set; writes that a majority
/// confirms need one. An unavailable server passes: calls wait for it.
pub(super) async fn check(client: &Client) -> Result<(), StoreError> {
    let hello = super::bounded(async { Ok(client.database("admin").run_command(doc! { "hello": 1 }).await?) }).await;
    match hello {
        Ok(hello) if hello.contains_key("setName") || hello.get_str("msg").ok() == Some("isdbgrid") => Ok(()),
        Ok(_) => Err(open("needs a replica set; start mongod with --replSet rs0 and run rs.initiate() once")),
        Err(error) => match super::driver_error(&error).and_then(lasting) {
            Some(reason) => Err(open(&reason)),
            None => Ok(()),
        },
    }
}

fn open(reason: &str) -> StoreError {
    StoreError::Open(clip(&single_line(reason), MAX_CHARS).into())
}
