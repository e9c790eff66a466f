//! Writes a statement while its entries are read: at first their sums, or how much paper they take, then the entries themselves.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use service_kit::http::causes;
use service_kit::http::stream::{CHUNK_BYTES, Feed, Gone};
use service_kit::lifecycle::Shutdown;

use super::json::Json;
use crate::domain::ledger::EntryView;
use crate::domain::policy::{Action, Scope, decide};
use crate::domain::session::SessionId;
use crate::domain::statement::{Camt053, Csv, Mt940, Ofx, Pdf, StatementFormat, StatementWriter};
use crate::http::state::AppState;
use crate::operations::errors::FindError;
use crate::operations::ledger::{OpenedStatement, SeqRange, statement_amounts, statement_page};

/// How long the store may take for a page.
const PAGE_LIMIT: Duration = Duration::from_secs(10);
/// How often it is checked that the caller may still read.
const RECHECK: Duration = Duration::from_secs(2);

/// Why a statement was broken off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("its entries cannot be read")]
    Unreadable(#[from] FindError),
    #[error("the store took too long")]
    TooSlow,
    #[error("it cannot be written")]
    Unwritable(#[from] io::Error),
    #[error("its reader has gone, or is too slow")]
    Gone,
    #[error("its reader may not read it any more")]
    Refused,
    #[error("the service stops")]
    Stopping,
}

impl From<Gone> for Broken {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

pub(super) struct Writing {
    state: AppState,
    shutdown: Shutdown,
    session: SessionId,
    scope: Scope,
    /// When the caller's right was checked last.
    checked: Instant,
    opened: OpenedStatement,
    writer: Box<dyn StatementWriter>,
}

impl Writing {
    pub(super) fn new(
        state: AppState,
        shutdown: Shutdown,
        (session, scope): (SessionId, Scope),
        opened: OpenedStatement,
        format: StatementFormat,
    ) -> Self {
        let writer: Box<dyn StatementWriter> = match format {
            StatementFormat::Json => Box::new(Json::new(scope == Scope::All)),
            StatementFormat::Csv => Box::new(Csv),
            StatementFormat::Pdf => Box::new(Pdf::default()),
            StatementFormat::Camt053 => Box::new(Camt053::default()),
            StatementFormat::Ofx => Box::new(Ofx::default()),
            StatementFormat::Mt940 => Box::new(Mt940::default()),
        };
        Self { state, shutdown, session, scope, checked: Instant::now(), opened, writer }
    }

    /// Writes the statement to its end, or breaks the transfer off.
    pub(super) async fn run(mut self, sending: Feed) {
        let written = match self.write(&sending).await {
            Ok(()) => sending.finish().await.map_err(Broken::from),
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {}
            Err(error @ (Broken::Gone | Broken::Refused | Broken::Stopping)) => {
                tracing::info!(%error, "a statement was broken off");
            }
            Err(error) => tracing::error!(error = causes(&error), "a statement was broken off"),
        }
    }

    async fn write(&mut self, sending: &Feed) -> Result<(), Broken> {
        self.sum_up().await?;
        let mut out = Vec::new();
        self.writer.begin(&self.opened.statement, &mut out)?;
        let mut range = self.opened.range;
        while let Some(page) = self.page(&mut range).await? {
            for view in &page {
                self.writer.entry(&self.opened.statement, view, &mut out)?;
                if out.len() >= CHUNK_BYTES {
                    sending.send(mem::take(&mut out)).await?;
                }
            }
        }
        self.writer.end(&self.opened.statement, &mut out)?;
        sending.send(out).await.map_err(Broken::from)
    }

    /// The first pass, over all entries.
    async fn sum_up(&mut self) -> Result<(), Broken> {
        let mut range = self.opened.range;
        if self.writer.is_measuring() {
            while let Some(page) = self.page(&mut range).await? {
                for view in &page {
                    self.opened.statement.totals.add(view.entry.amount);
                    self.writer.measure(&self.opened.statement, view);
                }
            }
            return Ok(());
        }
        while let Some(amounts) = self.amounts(&mut range).await? {
            for (_, amount) in amounts {
                self.opened.statement.totals.add(amount);
            }
        }
        Ok(())
    }

    /// The next entries of a range, which it moves beyond them; none at its end.
    async fn page(&mut self, range: &mut SeqRange) -> Result<Option<Vec<EntryView>>, Broken> {
        let (scope, id, rest) = (self.scope, self.opened.ledger_id, *range);
        if rest.is_empty() {
            return Ok(None);
        }
        self.check().await?;
        let read = self.state.store.read(move |db| statement_page(db, scope, id, rest));
        let page: Vec<EntryView> = tokio::time::timeout(PAGE_LIMIT, read).await.map_err(|_| Broken::TooSlow)??;
        let Some(last) = page.last() else { return Ok(None) };
        *range = rest.beyond(last.entry.seq);
        Ok(Some(page))
    }

    /// The same for amounts alone.
    async fn amounts(&mut self, range: &mut SeqRange) -> Result<Option<Vec<(i64, i64)>>, Broken> {
        let (id, rest) = (self.opened.ledger_id, *range);
        if rest.is_empty() {
            return Ok(None);
        }
        self.check().await?;
        let read = self.state.store.read(move |db| statement_amounts(db, id, rest));
        let read = tokio::time::timeout(PAGE_LIMIT, read).await.map_err(|_| Broken::TooSlow)?;
        let amounts = read.map_err(FindError::from)?;
        let Some((last, _)) = amounts.last() else { return Ok(None) };
        *range = rest.beyond(*last);
        Ok(Some(amounts))
    }

    /// Whether to go on: the service serves, the session lives, and the caller may still read the same.
    async fn check(&mut self) -> Result<(), Broken> {
        if self.shutdown.begun() {
            return Err(Broken::Stopping);
        }
        if self.checked.elapsed() < RECHECK {
            return Ok(());
        }
        let authority = self.state.identity.sessions().authority(self.session).await.map_err(|_| Broken::Refused)?;
        let scope = decide(Action::ReadEntries, authority.session.user_id, &authority.roles);
        if scope != Some(self.scope) {
            return Err(Broken::Refused);
        }
        self.checked = Instant::now();
        Ok(())
    }
}
