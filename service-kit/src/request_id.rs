//! The id of the request that a task serves. The HTTP server sets it; log lines, errors and events repeat it.

use std::rc::Rc;

tokio::task_local! {
    static CURRENT: Rc<str>;
}

/// Runs the work under this request id.
pub(crate) async fn scope<T>(id: &str, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Rc::from(id), work).await
}

/// The id of the request that this task serves; none outside of a request.
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.as_ref().to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_knows_the_id_of_its_request_and_none_outside() {
        assert_eq!(scope("r-1", async { current() }).await.as_deref(), Some("r-1"));
        assert_eq!(current(), None);
    }
}
