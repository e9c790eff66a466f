//! The destination of push notifications.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use service_kit::config::{AppEnv, Faults, base_url, check_folder, defaults, read_text, refuse_plain_http};

use crate::push::{FcmSettings, PushSettings, ServiceAccount};

const LIMIT: Duration = Duration::from_secs(10);
const MAX_FILE: u64 = 64 * 1024;
const FOLDER: &str = "./data/push";

#[derive(Debug, Clone, Args)]
pub struct PushOptions {
    /// The JSON key of the Google service account by which push notifications are sent; without it they go to `PUSH_FOLDER`
    #[arg(long, env = "PUSH_CREDENTIALS_FILE", value_name = "FILE", global = true)]
    pub push_credentials_file: Option<PathBuf>,

    /// The push service, which speaks FCM HTTP v1
    #[arg(
        long,
        env = "PUSH_BASE_URL",
        default_value = "https://fcm.googleapis.com",
        value_name = "URL",
        global = true
    )]
    pub push_base_url: String,

    /// Without a push service: write notifications as files to this folder; `push` in the data folder unless set
    #[arg(long, env = "PUSH_FOLDER", value_name = "FOLDER", global = true)]
    pub push_folder: Option<PathBuf>,
}

impl Default for PushOptions {
    fn default() -> Self {
        defaults()
    }
}

impl PushOptions {
    /// The folder that notifications are written to without a push service.
    pub(super) fn folder(&self) -> &Path {
        self.push_folder.as_deref().unwrap_or(Path::new(FOLDER))
    }

    /// Reads and checks the credentials. The address has to be one also where it is not used yet.
    pub fn check(&self, app_env: AppEnv, faults: &mut Faults) -> PushSettings {
        let expected = "an address such as https://fcm.googleapis.com, without a query and a fragment";
        let base_url = faults.check("PUSH_BASE_URL", expected, base_url(&self.push_base_url).ok_or(()));
        if let Some(base_url) = &base_url {
            refuse_plain_http(app_env, "PUSH_BASE_URL", base_url, faults);
        }
        if let Some(folder) = &self.push_folder {
            check_folder("PUSH_FOLDER", folder, faults);
        }
        let folder = PushSettings::Folder(self.folder().to_owned());
        let Some(path) = self.push_credentials_file.as_ref().filter(|path| !path.as_os_str().is_empty()) else {
            return folder;
        };
        let text = read_text(path, MAX_FILE).map_err(|error| error.to_string());
        let account = text.and_then(|text| ServiceAccount::parse(&text).map_err(|error| error.to_string()));
        if let Err(reason) = &account {
            // The path is not shown: the variable may hold the key itself by mistake.
            faults.add(format!("PUSH_CREDENTIALS_FILE: {reason}; expected the JSON key of a service account"));
        }
        match (base_url, account) {
            (Some(base_url), Ok(account)) => {
                PushSettings::Fcm(Box::new(FcmSettings { base_url, account, limit: LIMIT }))
            }
            _ => folder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(options: &PushOptions) -> String {
        let mut faults = Faults::new();
        options.check(AppEnv::Development, &mut faults);
        faults.finish().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_address_that_is_none_is_refused_also_without_credentials() {
        assert_eq!(faults_of(&PushOptions::default()), "");
        for bad in ["nix://", "https://", "fcm.googleapis.com", "ftp://u:hunter2@h"] {
            let text = faults_of(&PushOptions { push_base_url: bad.to_owned(), ..PushOptions::default() });
            assert!(text.contains("PUSH_BASE_URL: ") && !text.contains("hunter2"), "{bad}: {text}");
        }
    }

    #[test]
    fn credentials_that_cannot_be_read_are_a_fault_that_does_not_show_them() {
        let push_credentials_file = Some("{\"private_key\":\"hunter2\"}".into());
        let text = faults_of(&PushOptions { push_credentials_file, ..PushOptions::default() });
        assert!(text.contains("PUSH_CREDENTIALS_FILE: ") && !text.contains("hunter2"), "{text}");
    }
}
