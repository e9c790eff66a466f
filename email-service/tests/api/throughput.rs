//! Many mails at once use few connections; the benchmark measures how fast.

use email_service::mailer::{Mailer, Security, SmtpMailer};
use futures_util::{StreamExt, stream};

use crate::smtp::mail;
use crate::smtp_stub::{SmtpStub, Speaks};

const MAILS: u32 = 500;
const SENDERS: usize = 8;

#[actix_rt::test]
async fn many_mails_leave_over_few_connections() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let mailer = SmtpMailer::new(stub.settings(Security::Off)).unwrap();
    let sending = stream::iter(0..MAILS).map(|number| {
        let mailer = &mailer;
        async move { mailer.send(&mail(number)).await.unwrap() }
    });
    sending.buffer_unordered(SENDERS).for_each(async |_| {}).await;
    assert_eq!(stub.mails().len(), MAILS as usize);
    assert!(stub.connections() <= MAILS as usize / 100 + SENDERS, "{}", stub.connections());
}
