//! `openapi`: prints the document that the service serves, for tools.

use std::process::ExitCode;

use crate::http;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    super::print_line(http::openapi::document().to_pretty_json()?)?;
    Ok(ExitCode::SUCCESS)
}
