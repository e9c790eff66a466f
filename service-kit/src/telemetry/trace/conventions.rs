//! The spans of this system, with the names and attributes of the semantic conventions of OpenTelemetry.
//!
//! Requests and messages begin traces; every other span needs a current one. No span has a path, a query, an address of a
//! person, the text of a statement or of an error: names and attributes come from the program, from its configuration, or are
//! ids of messages.

use shared_events::WireMessage;
use url::Url;

use super::context::{self, TraceContext};
use super::span::{Kind, Span};

/// The header of requests and messages.
pub const TRACEPARENT: &str = "traceparent";

/// The broker of a message, by its name in the conventions, or a name of ours where they have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessagingSystem {
    #[cfg(feature = "amqp")]
    RabbitMq,
    InProcess,
}

impl MessagingSystem {
    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "amqp")]
            Self::RabbitMq => "rabbitmq",
            Self::InProcess => "in_process",
        }
    }
}

/// Requests.
impl Span {
    /// A request to this server, below the client's span if `traceparent` is a valid one.
    pub(crate) fn server(method: &'static str, traceparent: Option<&str>) -> Self {
        let parent = traceparent.and_then(TraceContext::parse);
        Self::start(method, Kind::Server, parent, &[]).with("http.request.method", method)
    }

    /// Records the answer to a request, and its route if it has one.
    pub(crate) fn answered(&mut self, method: &'static str, route: Option<&str>, status: u16) {
        if !self.is_on() {
            return;
        }
        if let Some(route) = route {
            self.rename(|| format!("{method} {route}"));
            self.set("http.route", route.to_owned());
        }
        self.set_number("http.response.status_code", status);
        if status >= 500 {
            self.fail(status.to_string());
        }
    }

    /// A request to another server, which the span names by host and port alone.
    pub fn request(method: &'static str, url: &Url) -> Self {
        let span = Self::call(method).with("http.request.method", method);
        span.at_server(url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
    }

    /// Records the status of the answer; without one the request failed.
    pub fn received(&mut self, status: Option<u16>) {
        if !self.is_on() {
            return;
        }
        match status {
            Some(status) => {
                self.set_number("http.response.status_code", status);
                if status >= 400 {
                    self.fail(status.to_string());
                }
            }
            None => self.fail("no_answer"),
        }
    }

    fn at_server(mut self, host: &str, port: u16) -> Self {
        if self.is_on() {
            self.set("server.address", host.to_owned());
            self.set_number("server.port", port);
        }
        self
    }
}

/// Databases and mail servers.
impl Span {
    /// One operation or transaction of a database. `system` is a value of `db.system.name`; `collection` is the table or
    /// collection, if it is a single one.
    pub fn database(system: &'static str, operation: &'static str, collection: Option<&str>) -> Self {
        let mut span = Self::call(operation).with("db.system.name", system).with("db.operation.name", operation);
        if let Some(collection) = collection.filter(|_| span.is_on()) {
            span.set("db.collection.name", collection.to_owned());
            span.rename(|| format!("{operation} {collection}"));
        }
        span
    }

    /// One mail for an SMTP server. The conventions have no span for mail; the names are those of any client.
    pub fn smtp(host: &str, port: u16) -> Self {
        Self::call("smtp send").with("network.protocol.name", "smtp").at_server(host, port)
    }
}

/// Messages.
impl Span {
    /// One attempt to publish a message, below the span that caused it. The message refers to this span from now on.
    pub(crate) fn publish(system: MessagingSystem, destination: &str, message: &mut WireMessage) -> Self {
        if !Self::are_made() {
            return Self::default();
        }
        let parent = context_of(message).or_else(context::current);
        let Some(parent) = parent else { return Self::default() };
        let span = Self::start("send", Kind::Producer, Some(parent), &[]);
        if let Some(traceparent) = span.traceparent() {
            message.headers.insert(TRACEPARENT.to_owned(), traceparent);
        }
        span.of_message("send", system, destination, message)
    }

    /// One attempt to handle a message of a queue: below the span that published it, and linked to it.
    pub(crate) fn process(system: MessagingSystem, queue: &str, message: &WireMessage) -> Self {
        if !Self::are_made() {
            return Self::default();
        }
        let creation = context_of(message);
        let span = Self::start("process", Kind::Consumer, creation, creation.as_slice());
        span.of_message("process", system, queue, message)
    }

    fn of_message(
        mut self,
        operation: &'static str,
        system: MessagingSystem,
        destination: &str,
        message: &WireMessage,
    ) -> Self {
        if !self.is_on() {
            return self;
        }
        self.rename(|| format!("{operation} {destination}"));
        self.set("messaging.operation.type", operation);
        self.set("messaging.operation.name", operation);
        self.set("messaging.system", system.name());
        self.set("messaging.destination.name", destination.to_owned());
        if let Ok(id) = message.event_id() {
            self.set("messaging.message.id", id.to_string());
        }
        self
    }
}

fn context_of(message: &WireMessage) -> Option<TraceContext> {
    message.headers.get(TRACEPARENT).and_then(|header| TraceContext::parse(header))
}

/// Runs work below the span of this `traceparent`, as background work does for an event; without a valid one as it is.
pub async fn below<F: Future>(traceparent: Option<&str>, work: F) -> F::Output {
    let context = traceparent.filter(|_| Span::are_made()).and_then(TraceContext::parse);
    context::scope(context, work).await
}

/// The `traceparent` of what the current span causes.
pub fn current_traceparent() -> Option<String> {
    context::current().map(|context| context.to_string())
}

/// The id of the trace that a message belongs to.
pub fn trace_id_of(message: &WireMessage) -> Option<String> {
    context_of(message).map(|context| context.trace_id())
}
