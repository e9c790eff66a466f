//! The mails that the service has requested.

use shared_events::events::{EmailRequest, EmailRequested};

use crate::harness::TestApp;

/// A request for a mail, with the parts that its recipient uses.
pub(crate) struct Mail(pub(crate) EmailRequest);

impl Mail {
    /// The last part of the link.
    #[track_caller]
    pub(crate) fn token(&self) -> &str {
        self.0.params["link"].rsplit('/').next().unwrap()
    }

    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        &self.0.params["code"]
    }
}

impl TestApp {
    /// All mails to an address, in order.
    pub(crate) async fn mails(&self, to: &str) -> Vec<Mail> {
        let events = self.events().await;
        let requests = events.iter().filter_map(|event| event.data::<EmailRequested>().ok());
        requests.map(|EmailRequested(request)| Mail(request)).filter(|mail| mail.0.to == to).collect()
    }

    /// The newest mail to an address with this template.
    #[track_caller]
    pub(crate) fn newest_mail(&self, to: &str, template: &str) -> impl Future<Output = Mail> {
        let what = format!("{template} to {to}");
        async move {
            let mut mails = self.mails(to).await;
            mails.retain(|mail| mail.0.template == template);
            mails.pop().unwrap_or_else(|| panic!("no mail {what}"))
        }
    }
}
