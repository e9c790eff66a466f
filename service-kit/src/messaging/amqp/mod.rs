//! The transport of a system of several processes: RabbitMQ, from 3.10 to 4.x, over AMQP 0-9-1.
//!
//! [`AmqpPublisher`] publishes with confirms, [`AmqpConsumers`] runs consumers on quorum queues, [`AmqpDeadLetters`] shows and
//! replays dead letters. All of them reconnect by themselves, with growing, jittered delays, and for ever: an outage of the
//! broker is never an error of a message. The queues are described in `topology`.
//!
//! Invariants: a message counts as published only after a positive confirm and no return; a delivery is acknowledged only
//! when its effect is in place or a copy of it has been confirmed elsewhere. So a crash at any point can double a delivery,
//! and never lose one. Limits: 256 unconfirmed messages, 10 s for a confirm, 2,000 deliveries per queue in memory.

mod connection;
mod consumers;
mod dead_letters;
mod error;
mod expected_queues;
mod peek;
mod probe;
mod publish_batch;
mod publisher;
mod routes;
mod topology;
mod uri;
mod wire_format;

pub use consumers::AmqpConsumers;
pub use dead_letters::AmqpDeadLetters;
pub use error::AmqpError;
pub use probe::{Role, check_at_start, probe};
pub use publisher::AmqpPublisher;
pub use topology::{dead_queue, direct_exchange, retry_queue};
