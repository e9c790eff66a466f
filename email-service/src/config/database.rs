//! From `EMAIL_DATABASE_URL` to a store. No fault shows a password.

use service_kit::config::{Faults, check_file};
use service_kit::sqlite::refuse_database_file;

use super::Config;
use crate::store::StoreTarget;

impl Config {
    /// Refuses the database as the log file or the mailbox. Comes before the other checks of these settings.
    pub fn refuse_database_file(&self, faults: &mut Faults) {
        let target = self.database_url.expose().parse::<StoreTarget>();
        if let Some(file) = target.as_ref().ok().and_then(StoreTarget::file) {
            let written = [("LOG_FILE", self.log.file.as_deref()), ("MAIL_URL", self.mailbox())];
            refuse_database_file(("EMAIL_DATABASE_URL", file), &written, faults);
        }
    }
}

pub(super) fn store_target(config: &Config, faults: &mut Faults) -> Option<StoreTarget> {
    let text = config.database_url.expose();
    let target = text.parse::<StoreTarget>();
    let target = target.map_err(|fault| faults.add(format!("EMAIL_DATABASE_URL: {fault}"))).ok()?;
    if let Some(file) = target.file() {
        check_file("EMAIL_DATABASE_URL", file, faults);
    }
    Some(target)
}
