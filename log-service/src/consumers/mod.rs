//! What this service does with messages.

mod record_event;

pub use record_event::RecordEvent;
