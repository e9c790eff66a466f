//! Users with the fewest rights they need: another user made the exchange, and they may not make it.

use std::sync::Arc;

use service_kit::clock::SystemClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::amqp::{Role, dead_queue, probe};
use service_kit::messaging::{
    AmqpConsumers, AmqpDeadLetters, AmqpPublisher, AmqpSettings, Consumer, Destination, HandlerResult, Outgoing,
    Progress, PublishResult, Publisher as _,
};
use service_kit::telemetry::Metrics;
use test_support::eventually;

use crate::scripted::{Act, Scripted, id, message};
use crate::support::{BrokerFixture, broker_uri, rabbitmqctl};

const MESSAGES: u128 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_make_the_exchange_publishes_and_consumes_on_connections_that_stay() {
    let fixture = BrokerFixture::new().await;
    let (exchange, queue, user) =
        (fixture.settings.exchange.clone(), fixture.name("q"), format!("least-{}", fixture.tag));
    let names =
        |also: &str| format!("^({}|{also}|{}(\\..*)?)$", exchange.replace('.', "\\."), queue.replace('.', "\\."));
    rabbitmqctl(&["add_user", &user, "secret"]);
    let own = format!("^{}(\\..*)?$", queue.replace('.', "\\."));
    rabbitmqctl(&["set_permissions", &user, &own, &names("amq\\.default"), &names("none")]);

    let uri = broker_uri().replace("bank:bank-of-tests@", &format!("{user}:secret@"));
    let settings = AmqpSettings::parse(&uri, &exchange).unwrap();
    let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
    let publisher = AmqpPublisher::start(settings.clone(), &metrics, shutdown.clone());
    let consumers = AmqpConsumers::new(settings, Arc::clone(&metrics), shutdown);
    let consumer = Scripted::always(HandlerResult::Done);
    consumers.subscribe(fixture.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    eventually("the queue is consumed", async || consumers.state().is_ok()).await;
    eventually("the publisher is connected", async || publisher.state().is_ok()).await;
    for number in 1..=MESSAGES {
        let outgoing =
            Outgoing { message: message(number), destination: Destination::Exchange, progress: Progress::default() };
        assert_eq!(publisher.publish(outgoing).await, PublishResult::Accepted, "message {number}");
    }
    eventually("all are handled", async || (1..=MESSAGES).all(|number| consumer.seen(id(number)) == 1)).await;
    rabbitmqctl(&["delete_user", &user]);
}

/// A user with rights, removed at the end of the test.
struct User {
    name: String,
    settings: AmqpSettings,
}

impl User {
    /// `beside` lists the suffixes of the names that belong to the queue; `more` lists what else may be written to.
    fn new(fixture: &BrokerFixture, queue: &str, beside: &str, more: &str) -> Self {
        let name = format!("service-{}", fixture.tag);
        let escaped = |text: &str| text.replace('.', "[.]");
        let own = format!("{}([.]({beside}))?", escaped(queue));
        let read = format!("^({}|{own})$", escaped(&fixture.settings.exchange));
        rabbitmqctl(&["add_user", &name, "secret"]);
        rabbitmqctl(&["set_permissions", &name, &format!("^{own}$"), &format!("^({own}{more})$"), &read]);
        let uri = broker_uri().replace("bank:bank-of-tests@", &format!("{name}:secret@"));
        Self { name, settings: AmqpSettings::parse(&uri, &fixture.settings.exchange).unwrap() }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        rabbitmqctl(&["delete_user", &self.name]);
    }
}

/// Each message is tried twice and then given up; the user replays one.
async fn retries_gives_up_and_replays(fixture: &BrokerFixture, user: &User) {
    let queue = fixture.name("q");
    let consumers = AmqpConsumers::new(user.settings.clone(), Metrics::new(), Shutdown::new());
    let consumer = Scripted::new(|delivery| {
        Act::Answer(if delivery.attempt == 1 { HandlerResult::retry("not now") } else { HandlerResult::reject("bad") })
    });
    consumers.subscribe(fixture.queue("q"), Arc::clone(&consumer) as Arc<dyn Consumer>).unwrap();
    eventually("the queue is consumed", async || consumers.state().is_ok()).await;
    fixture.publish_until_accepted(&message(1)).await;
    eventually("it is given up", async || fixture.waiting(&dead_queue(&queue)).await == 1).await;
    assert_eq!(consumer.seen(id(1)), 2);
    let dead_letters = AmqpDeadLetters::new(user.settings.clone(), vec![queue.clone()], Arc::new(SystemClock));
    assert!(dead_letters.replay(&queue, id(1)).await.unwrap());
    eventually("it is tried again", async || consumer.seen(id(1)) == 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_the_default_exchange_uses_its_own_queues_and_those_it_may_reply_to_and_no_others() {
    let fixture = BrokerFixture::new().await;
    let (own, replies, other) = (fixture.queue("q"), fixture.queue("replies"), fixture.queue("other"));
    let roles = [Role::Consumer(&own), Role::Consumer(&replies), Role::Consumer(&other)];
    probe(&fixture.settings, &roles).await.unwrap();
    let more = format!("|{}[.]direct", replies.queue.replace('.', "[.]"));
    let user = User::new(&fixture, &own.queue, "dead|direct|retry[.][0-9a-z]+", &more);
    retries_gives_up_and_replays(&fixture, &user).await;

    let publisher = AmqpPublisher::start(user.settings.clone(), &Metrics::new(), Shutdown::new());
    eventually("the publisher is connected", async || publisher.state().is_ok()).await;
    let waiting = async || [fixture.waiting(&replies.queue).await, fixture.waiting(&other.queue).await];
    let [in_replies, in_other] = waiting().await;
    let to = |queue: &str| Outgoing {
        message: message(2),
        destination: Destination::Queue(queue.to_owned()),
        progress: Progress::default(),
    };
    let refused = publisher.publish(to(&other.queue)).await;
    assert!(
        matches!(&refused, PublishResult::Unavailable { reason } if reason.contains("not for this user")),
        "{refused:?}"
    );
    assert_eq!(publisher.state(), Ok(()), "its neighbours keep their connection");
    assert_eq!(publisher.publish(to(&replies.queue)).await, PublishResult::Accepted);
    assert_eq!(waiting().await, [in_replies + 1, in_other]);
}

/// Users of a broker that an earlier release set up, which used the default exchange here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_rights_of_an_earlier_release_goes_on_by_the_default_exchange() {
    let fixture = BrokerFixture::new().await;
    let user = User::new(&fixture, &fixture.name("q"), "dead|retry[.][0-9a-z]+", "|amq[.]default");
    retries_gives_up_and_replays(&fixture, &user).await;
}
