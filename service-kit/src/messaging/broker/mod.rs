//! The configuration of the broker in a system of several processes.
//!
//! The transport itself is [`super::amqp`], which a program may be built without. Such a program has these settings too, and
//! reports a configured broker as a fault.

mod options;
mod settings;

pub use options::BrokerOptions;
#[cfg(feature = "amqp")]
pub(in crate::messaging) use options::MAX_NAME;
pub use settings::AmqpSettings;
