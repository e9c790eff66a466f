//! The collector that traces go to.

use clap::Args;
use url::Url;

use crate::config::Faults;
use crate::telemetry::TelemetryError;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The path of traces at a collector (OTLP over HTTP).
const PATH: &str = "/v1/traces";

/// The destination of traces; none are made without one.
#[derive(Debug, Clone, Default, Args)]
pub struct TraceOptions {
    /// Send traces to this collector by OTLP over HTTP, such as `http://localhost:4318`
    #[arg(long, env = ENDPOINT, value_name = "URL", global = true)]
    pub otlp_endpoint: Option<String>,

    /// The whole URL that traces are sent to, if it is another one
    #[arg(long, env = TRACES_ENDPOINT, value_name = "URL", global = true)]
    pub otlp_traces_endpoint: Option<String>,
}

impl TraceOptions {
    pub(in crate::telemetry) fn check(&self, faults: &mut Faults) {
        for given in [parsed(ENDPOINT, self.otlp_endpoint.as_deref()), self.traces_url()] {
            if let Err(error) = given {
                faults.add(error.to_string());
            }
        }
    }

    /// The URL that traces are sent to, with the variable that it comes from.
    pub(super) fn destination(&self) -> Result<Option<(&'static str, Url)>, TelemetryError> {
        if let Some(url) = self.traces_url()? {
            return Ok(Some((TRACES_ENDPOINT, url)));
        }
        let url = parsed(ENDPOINT, self.otlp_endpoint.as_deref())?;
        Ok(url.map(|mut url| {
            let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
            url.set_path(&path);
            (ENDPOINT, url)
        }))
    }

    fn traces_url(&self) -> Result<Option<Url>, TelemetryError> {
        parsed(TRACES_ENDPOINT, self.otlp_traces_endpoint.as_deref())
    }
}

/// A login belongs into `OTEL_EXPORTER_OTLP_HEADERS`: addresses are logged.
fn parsed(variable: &'static str, text: Option<&str>) -> Result<Option<Url>, TelemetryError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let is_good = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
    };
    text.parse().ok().filter(is_good).map(Some).ok_or(TelemetryError::Collector { variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(endpoint: Option<&str>, traces: Option<&str>) -> Option<(&'static str, String)> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let options = TraceOptions { otlp_endpoint: owned(endpoint), otlp_traces_endpoint: owned(traces) };
        options.destination().unwrap().map(|(variable, url)| (variable, url.to_string()))
    }

    #[test]
    fn the_path_of_traces_is_added_to_the_collector_alone() {
        for base in ["http://c:4318", "http://c:4318/"] {
            assert_eq!(destination(Some(base), None), Some((ENDPOINT, "http://c:4318/v1/traces".to_owned())));
        }
        let below = destination(Some("https://c/otlp/"), None);
        assert_eq!(below, Some((ENDPOINT, "https://c/otlp/v1/traces".to_owned())));
        let exact = destination(Some("http://c:4318"), Some("http://d/x"));
        assert_eq!(exact, Some((TRACES_ENDPOINT, "http://d/x".to_owned())));
        assert_eq!((destination(None, None), destination(Some(""), Some(""))), (None, None));
    }

    #[test]
    fn what_is_no_collector_is_a_fault_that_shows_no_value() {
        for bad in ["hunter2", "ftp://hunter2", "http://u:hunter2@c", "http://hunter2@c", "http://c/?key=hunter2"] {
            let endpoint = Some(bad.to_owned());
            let options = TraceOptions { otlp_endpoint: endpoint.clone(), otlp_traces_endpoint: endpoint };
            let mut faults = Faults::new();
            options.check(&mut faults);
            let text = faults.finish().unwrap_err().to_string();
            assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{text}");
            assert!(text.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
