//! A fault of the broker is reported in one line, in bounded time.

use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use service_kit::messaging::ConsumerSettings;
use service_kit::messaging::amqp::{AmqpError, Role, probe, retry_queue};
use service_kit::messaging::{AmqpSettings, HandlerResult};
use test_support::eventually;
use tokio::net::TcpListener;

use crate::scripted::{Scripted, id, message};
use crate::support::{BrokerFixture, broker_uri, rabbitmqctl};

async fn probe_error(uri: &str) -> AmqpError {
    let mut settings = AmqpSettings::parse(uri, "an.exchange.that.nobody.made").unwrap();
    settings.request_limit = Duration::from_secs(3);
    let started = Instant::now();
    let error = probe(&settings, &[]).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hunter2"), "{text}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_working_broker_passes_the_probe() {
    let fixture = BrokerFixture::new().await;
    assert_eq!(probe(&fixture.settings, &[]).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_names_the_user() {
    let error = probe_error(&broker_uri().replace("bank:bank-of-tests@", "bank:hunter2@")).await;
    assert!(matches!(&error, AmqpError::LoginRefused { user, .. } if user == "bank"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_virtual_host_is_named() {
    let error = probe_error(&broker_uri().replace("/%2f", "/nowhere")).await;
    assert!(matches!(&error, AmqpError::VirtualHost { .. }) && error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_to_the_exchange_is_named() {
    let error = probe_error(&broker_uri().replace("bank:bank-of-tests@", "guest-book:guest-book@")).await;
    let text = error.to_string();
    assert!(matches!(error, AmqpError::Forbidden { .. }), "{text}");
    assert!(text.contains("guest-book") && text.contains("an.exchange.that.nobody.made"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_to_publish_and_to_have_a_queue_are_named_and_nothing_is_published() {
    let fixture = BrokerFixture::new().await;
    let all = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("all"), &all).await;
    assert_eq!(probe(&fixture.settings, &[Role::Publisher]).await, Ok(()));
    // The exchange exists, so this user passes that check, and then has no right to anything.
    let uri = broker_uri().replace("bank:bank-of-tests@", "guest-book:guest-book@");
    let stranger = AmqpSettings::parse(&uri, &fixture.settings.exchange).unwrap();
    assert_eq!(probe(&stranger, &[]).await, Ok(()));
    let error = probe(&stranger, &[Role::Publisher]).await.unwrap_err();
    assert!(matches!(error, AmqpError::Forbidden { .. }) && error.to_string().contains("publishing"), "{error}");
    let queue = ConsumerSettings::new(&fixture.name("mine"), Vec::new());
    for role in [Role::Consumer(&queue), Role::ConsumerRights(&queue)] {
        let error = probe(&stranger, &[role]).await.unwrap_err();
        assert!(matches!(error, AmqpError::Forbidden { .. }) && error.to_string().contains("mine"), "{error}");
    }
    assert_eq!((all.calls(), fixture.waiting(&fixture.name("all")).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_to_a_queue_are_checked_without_making_one_and_beside_one_that_exists() {
    let fixture = BrokerFixture::new().await;
    let queue = fixture.queue("mine");
    assert_eq!(probe(&fixture.settings, &[Role::ConsumerRights(&queue)]).await, Ok(()));
    let listed = || rabbitmqctl(&["list_queues", "name"]);
    assert!(!listed().contains(&queue.queue), "{}", listed());
    assert_eq!(probe(&fixture.settings, &[Role::Consumer(&queue)]).await, Ok(()));
    assert_eq!(probe(&fixture.settings, &[Role::ConsumerRights(&queue)]).await, Ok(()));
    assert!(listed().contains(&queue.queue), "{}", listed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_to_bind_a_queue_are_checked_and_its_bindings_stay() {
    let fixture = BrokerFixture::new().await;
    let (queue, user) = (fixture.queue("mine"), format!("unbound-{}", fixture.tag));
    let own = format!("{}([.].*)?", queue.queue.replace('.', "[.]"));
    rabbitmqctl(&["add_user", &user, "secret"]);
    let (named, written) = (format!("^{own}$"), format!("^({own}|amq[.]default)$"));
    rabbitmqctl(&["set_permissions", &user, &named, &written, &named]);
    let uri = broker_uri().replace("bank:bank-of-tests@", &format!("{user}:secret@"));
    let cannot_read = AmqpSettings::parse(&uri, &fixture.settings.exchange).unwrap();
    let all = Scripted::always(HandlerResult::Done);
    for is_there in [false, true] {
        if is_there {
            fixture.subscribe(queue.clone(), &all).await;
        }
        let error = probe(&cannot_read, &[Role::ConsumerRights(&queue)]).await.unwrap_err();
        assert!(matches!(error, AmqpError::Forbidden { .. }) && error.to_string().contains("binding"), "{error}");
        assert_eq!(probe(&fixture.settings, &[Role::ConsumerRights(&queue)]).await, Ok(()));
    }
    rabbitmqctl(&["delete_user", &user]);
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is delivered", async || all.seen(id(1)) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_queue_with_other_properties_is_named_though_the_service_has_no_queue_yet() {
    let fixture = BrokerFixture::new().await;
    let queue = fixture.queue("mine");
    let name = retry_queue(&queue.queue, Duration::from_millis(100));
    let (_connection, channel) = fixture.channel(&broker_uri()).await;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), durable, FieldTable::default()).await.unwrap();
    let error = probe(&fixture.settings, &[Role::ConsumerRights(&queue)]).await.unwrap_err();
    assert!(matches!(error, AmqpError::Differs { .. }) && error.to_string().contains(&name), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_of_another_kind_is_named() {
    let mut settings = AmqpSettings::parse(&broker_uri(), "amq.direct").unwrap();
    settings.request_limit = Duration::from_secs(3);
    let error = probe(&settings, &[]).await.unwrap_err();
    assert!(error.to_string().contains("amq.direct"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_nobody_listens_on_and_a_host_that_is_not_there_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = probe_error(&format!("amqp://bank:hunter2@{closed}/")).await;
    assert!(matches!(error, AmqpError::Unreachable { .. }), "{error}");
    let error = probe_error("amqp://bank:hunter2@no-such-host.invalid/").await;
    assert!(matches!(error, AmqpError::Unreachable { .. } | AmqpError::TimedOut { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_given_up_at_the_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = probe_error(&format!("amqp://bank:hunter2@{}/", silent.local_addr().unwrap())).await;
    assert!(matches!(error, AmqpError::TimedOut { .. }), "{error}");
}
