//! From `EMAIL_DATABASE_URL` to a store. No fault shows a password.

use service_kit::config::Faults;

use super::Args;
use crate::store::StoreTarget;

pub(super) fn store_target(args: &Args, faults: &mut Faults) -> Option<StoreTarget> {
    let text = args.database_url.expose();
    let target = text.parse::<StoreTarget>();
    target.map_err(|told| faults.add(format!("EMAIL_DATABASE_URL: {told}"))).ok()
}
