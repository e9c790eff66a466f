//! Messages between services: the contract of consumers and publishers, whatever the transport.
//!
//! A [`Consumer`] returns a result for each message ([`HandlerResult`]); the [`runner`] decides what follows from it:
//! acknowledge, try again after a delay, keep the message as one of the [`dead_letters`], or pause the queue while the
//! consumer's dependency is unavailable. A transport only carries that out. [`in_process`] is the transport of a system that
//! runs in one process, `amqp` the one of several, which a program may be built without.
//!
//! Invariants: a message is delivered at least once to every queue that it is routed to; it leaves a queue only as done,
//! skipped or kept as a dead letter; an outage spends no attempts; one message's fault never costs its neighbours anything
//! but time. Limits: attempts, panics, batch, concurrency, queue length and time per attempt, all in [`ConsumerSettings`].

#[cfg(feature = "amqp")]
pub mod amqp;
mod broker;
mod consumer;
pub mod dead_letters;
mod delivery;
mod disposition;
mod end_to_end;
mod in_flight;
pub mod in_process;
mod metrics;
mod progress;
mod publisher;
pub mod runner;
mod traced;

#[cfg(feature = "amqp")]
pub use amqp::{AmqpConsumers, AmqpDeadLetters, AmqpPublisher};
pub use broker::{AmqpSettings, BrokerOptions};
pub use consumer::{Consumer, ConsumerSettings};
pub use dead_letters::{DeadLetter, DeadLetterAdmin, DeadLetterFolder, DeadLetters, InProcessDeadLetterAdmin};
pub use delivery::{Delivery, HandlerResult, data_or_reject, decode_or_reject};
pub use end_to_end::EndToEnd;
pub use in_flight::InFlightReport;
pub use in_process::{InProcessBroker, SubscribeError};
pub use progress::{Progress, QueueProgress};
pub use publisher::{Destination, Outgoing, PublishResult, Publisher};
