//! Users who may do no more than they need to: the exchange was made by somebody else, and may not be made by them.

use std::sync::Arc;

use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{
    AmqpConsumers, AmqpPublisher, AmqpSettings, Consumer, Destination, Outcome, Outgoing, Progress, Publisher as _,
    Receipt,
};
use service_kit::telemetry::Metrics;

use crate::scripted::{Scripted, id, message};
use crate::support::{Stage, broker_uri, eventually, rabbitmqctl};

const MESSAGES: u128 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_make_the_exchange_publishes_and_consumes_on_connections_that_stay() {
    let stage = Stage::new().await;
    let (exchange, queue, user) = (stage.settings.exchange.clone(), stage.name("q"), format!("least-{}", stage.tag));
    let names =
        |also: &str| format!("^({}|{also}|{}(\\..*)?)$", exchange.replace('.', "\\."), queue.replace('.', "\\."));
    rabbitmqctl(&["add_user", &user, "secret"]);
    let own = format!("^{}(\\..*)?$", queue.replace('.', "\\."));
    rabbitmqctl(&["set_permissions", &user, &own, &names("amq\\.default"), &names("none")]);

    let uri = broker_uri().replace("bank:bank@", &format!("{user}:secret@"));
    let settings = AmqpSettings::parse(&uri, &exchange).unwrap();
    let (metrics, shutdown) = (Metrics::new("test-service"), Shutdown::new());
    let publisher = AmqpPublisher::start(settings.clone(), &metrics, shutdown.clone());
    let consumers = AmqpConsumers::new(settings, Arc::clone(&metrics), shutdown);
    let consumer = Scripted::always(Outcome::Done);
    consumers.subscribe(stage.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    eventually("the queue is consumed", async || consumers.state().is_ok()).await;
    eventually("the publisher is connected", async || publisher.state().is_ok()).await;
    for number in 1..=MESSAGES {
        let outgoing =
            Outgoing { message: message(number), destination: Destination::Exchange, progress: Progress::default() };
        assert_eq!(publisher.publish(outgoing).await, Receipt::Accepted, "message {number}");
    }
    eventually("all are handled", async || (1..=MESSAGES).all(|number| consumer.seen(id(number)) == 1)).await;
    rabbitmqctl(&["delete_user", &user]);
}
