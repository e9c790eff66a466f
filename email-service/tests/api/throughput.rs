//! How many mails a second leave, beside what one connection can do with no service around it.

use std::time::{Duration, Instant};

use email_service::mailer::{Mailer, Security, SmtpMailer};
use futures_util::{StreamExt, stream};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;

use crate::smtp::mail;
use crate::smtp_stub::{SmtpStub, Speaks};

const MAILS: u32 = 500;
const SENDERS: usize = 8;

#[actix_rt::test]
async fn mails_leave_at_a_fair_share_of_what_one_bare_connection_can_do() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let mailer = SmtpMailer::new(stub.settings(Security::Off)).unwrap();
    let started = Instant::now();
    let sending = stream::iter(0..MAILS).map(|number| {
        let mailer = &mailer;
        async move { mailer.send(&mail(number)).await.unwrap() }
    });
    sending.buffer_unordered(SENDERS).for_each(async |_| {}).await;
    let ours = per_second(started.elapsed());
    let bare = bare_loop(&stub).await;
    println!("{ours} mails/s through the mailer, {bare} on one bare connection: {} %", ours * 100 / bare.max(1));
    assert_eq!(stub.mails().len(), 2 * MAILS as usize);
    assert!(stub.connections() <= MAILS as usize / 100 + SENDERS + 1, "{}", stub.connections());
    // Compared and not counted, since other work on the machine slows both down.
    assert!(ours * 5 >= bare, "{ours} mails/s beside {bare}");
}

async fn bare_loop(stub: &SmtpStub) -> u128 {
    let tcp = tokio::net::TcpStream::connect(stub.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let hello = ClientId::Domain("bank.localhost".to_owned());
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &hello).await.unwrap();
    let started = Instant::now();
    for number in 0..MAILS {
        let message = mail(number).to_message().unwrap();
        connection.send(message.envelope(), &message.formatted()).await.unwrap();
    }
    per_second(started.elapsed())
}

fn per_second(elapsed: Duration) -> u128 {
    u128::from(MAILS) * 1_000 / elapsed.as_millis().max(1)
}
