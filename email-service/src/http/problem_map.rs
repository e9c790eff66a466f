//! The problems that errors become.

use std::time::Duration;

use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::sqlite::SqliteError;

use crate::operations::TestError;
use crate::store::StoreError;
use crate::templates::RenderError;

const STORE_BUSY: Duration = Duration::from_secs(1);
const MAILER_RETRY_AFTER: Duration = Duration::from_secs(5);

pub(super) fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Access(SqliteError::Busy) => Problem::overloaded(STORE_BUSY),
        StoreError::Access(error) if error.is_disk_full() => unavailable(error, "The disk of the records is full."),
        StoreError::Slow | StoreError::Remote(_) => unavailable(error, "The records cannot be reached at the moment."),
        StoreError::Open(_) | StoreError::Access(_) | StoreError::Unreadable(_) => Problem::internal(error),
    }
}

fn unavailable(error: &dyn std::error::Error, detail: &str) -> Problem {
    tracing::error!(%error, "the records are unavailable");
    Problem::new(ErrorCode::Unavailable, detail).with_retry_after(MAILER_RETRY_AFTER)
}

pub(super) fn render_problem(error: &RenderError) -> Problem {
    Problem::internal(error)
}

pub(super) fn test_problem(error: &TestError) -> Problem {
    match error {
        TestError::Store(error) => store_problem(error),
        TestError::Render(error) => render_problem(error),
        TestError::KeyReused => Problem::key_reused(),
        TestError::NotSent(answer) => {
            let detail = format!("The mailer does not take this mail at the moment: {answer}");
            Problem::new(ErrorCode::Unavailable, detail).with_retry_after(MAILER_RETRY_AFTER)
        }
    }
}
