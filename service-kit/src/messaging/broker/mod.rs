//! Where the broker of a system of several processes is: what a configuration says of it.
//!
//! The transport itself is [`super::amqp`], which a program may be built without. Such a program has these settings too, and
//! takes a broker that is named for a fault.

mod options;
mod settings;

pub use options::BrokerOptions;
#[cfg(feature = "amqp")]
pub(in crate::messaging) use options::MAX_NAME;
pub use settings::AmqpSettings;
