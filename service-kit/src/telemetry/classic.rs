//! The log line of the older Flask services, for tools that read it:
//! `[time][remote address][request id][user id][path][file][line][LEVEL][log type]: message`. A part that a line does not have
//! is `None`; a request that failed through its client has the log type `client`, everything else `server`.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::visit::push_unquoted;
use crate::clock::{Clock, SystemClock};

const TIME: &str = "%Y-%m-%d %H:%M:%S,%3f";

#[derive(Default)]
struct Fields {
    remote: Option<String>,
    request_id: Option<String>,
    user_id: Option<String>,
    route: Option<String>,
    method: Option<String>,
    status: Option<String>,
    log_type: Option<String>,
    message: String,
    others: String,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: &dyn fmt::Display) {
        let place = match field.name() {
            "remote" => &mut self.remote,
            "request_id" => &mut self.request_id,
            "user_id" => &mut self.user_id,
            "route" => &mut self.route,
            "method" => &mut self.method,
            "status" => &mut self.status,
            "log_type" => &mut self.log_type,
            "message" => {
                self.message = value.to_string();
                return;
            }
            name => {
                // Writing to a `String` cannot fail.
                write!(self.others, " {name}={value}").ok();
                return;
            }
        };
        *place = Some(value.to_string());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, &format_args!("{value:?}"));
    }
}

pub(super) fn line(out: &mut String, event: &Event<'_>) {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let metadata = event.metadata();
    let request_id = fields.request_id.or_else(crate::request_id::current);
    let file = metadata.file().and_then(|path| path.rsplit('/').next());
    let number = metadata.line().map(|number| number.to_string());
    let parts = [
        Some(SystemClock.now().format(TIME).to_string()),
        fields.remote,
        request_id,
        fields.user_id,
        fields.route.clone(),
        file.map(str::to_owned),
        number,
        Some(level(*metadata.level()).to_owned()),
        Some(fields.log_type.unwrap_or_else(|| "server".to_owned())),
    ];
    for part in parts {
        out.push('[');
        push_unquoted(out, part.as_deref().unwrap_or("None"));
        out.push(']');
    }
    out.push_str(": ");
    match (fields.method, fields.route, fields.status) {
        (Some(method), Some(route), Some(status)) => push_unquoted(out, &format!("{method} {route} {status}")),
        _ => push_unquoted(out, &fields.message),
    }
    push_unquoted(out, &fields.others);
}

/// The names of the levels in Python's logging.
fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}
