//! The message consumers of this service.

mod record_event;

pub use record_event::RecordEvent;
