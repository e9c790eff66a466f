//! From `EMAIL_DATABASE_URL` to a store. No fault shows a password.

use service_kit::config::{Faults, check_file};

use super::Args;
use crate::store::StoreTarget;

pub(super) fn store_target(args: &Args, faults: &mut Faults) -> Option<StoreTarget> {
    let text = args.database_url.expose();
    let target = text.parse::<StoreTarget>();
    let target = target.map_err(|fault| faults.add(format!("EMAIL_DATABASE_URL: {fault}"))).ok()?;
    if let Some(file) = target.file() {
        check_file("EMAIL_DATABASE_URL", file, faults);
    }
    Some(target)
}
