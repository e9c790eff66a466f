//! `import-users`: imports the users of another system from a file of any length.
//!
//! The file is read as a stream, twice: first to check that it is whole, since a file that was cut changes nothing; then it is
//! written in batches of `BATCH` rows, a transaction each, so memory does not grow with it. Written rows stay: after a crash or a
//! kill the same command is run again, and skips the addresses that exist already. Rejected rows are listed in a report and do not
//! affect the others.

mod array;
mod cells;
mod header;
mod json;
mod lines;
mod place;
mod progress;
mod report;
mod rows;
mod source;
mod values;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use service_kit::config::AppEnv;

use super::print_line;
use super::state::with_state;
use crate::config::{Config, Settings};
use crate::domain::imported_user::ImportedUser;
use crate::domain::one_time::Purpose;
use crate::http::AppState;
use crate::identity::users::import::{RowResult, import, plan, unknown_role};
use crate::store::StoreError;
use place::Place;
use progress::Progress;
use report::Report;
use rows::{Reader, Refusal, Row};
use source::Source;

const BATCH: usize = 200;
/// Some rows were refused; the report names them.
const SOME_REFUSED: u8 = 2;

#[derive(Debug, Clone, Args)]
pub struct ImportOptions {
    /// CSV with a header (separated by comma, semicolon or tab), JSON lines or a JSON array: `customer_id,email,password_hash,country,language,is_active,roles`
    #[arg(value_name = "FILE")]
    pub input: PathBuf,

    /// Write the users; without it nothing is written
    #[arg(long)]
    pub apply: bool,

    /// Write nothing, as without `--apply`
    #[arg(long, conflicts_with = "apply")]
    pub dry_run: bool,

    /// The format of the file; that of its name's ending unless set
    #[arg(long = "format", value_enum, value_name = "FORMAT")]
    pub input_format: Option<Format>,

    /// The report on the rows that were refused, as CSV, or as JSON lines if the name ends in json or jsonl [default: FILE.report.csv]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

impl ImportOptions {
    pub(super) fn report_path(&self) -> PathBuf {
        self.report.clone().unwrap_or_else(|| beside(&self.input))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    Jsonl,
}

/// Counts of the rows so far, by result.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    rows: u64,
    created: u64,
    invited: u64,
    unchanged: u64,
    refused: u64,
}

pub(super) fn run(settings: Settings, options: &ImportOptions) -> anyhow::Result<ExitCode> {
    let named = || options.input.display().to_string();
    let source = Source::open(&options.input).with_context(named)?;
    let format = match options.input_format {
        Some(format) => format,
        None => format_of(&options.input)?,
    };
    let report_path = options.report_path();
    if same_file(&report_path, &options.input) {
        bail!("--report: names the file that is imported");
    }
    let read = || -> io::Result<Reader> { Reader::start(source.lines()?, format) };
    read().and_then(Reader::check).with_context(named)?;
    if options.apply && lacks_public_url(&settings.config) {
        refuse_invitations(read().with_context(named)?)?;
    }
    let reader = read().with_context(named)?;
    let progress = Progress::start(source.length()?);
    let mut counts = Counts::default();
    with_state(settings, async |state| {
        let report = Report::create(&report_path).with_context(|| report_path.display().to_string())?;
        let import_run = ImportRun {
            state,
            apply: options.apply,
            reader,
            report,
            refused: Vec::new(),
            progress,
            counts: Counts::default(),
        };
        counts = import_run.run().await?;
        Ok(())
    })?;
    summary(&counts, options.apply, &report_path)?;
    Ok(if counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}

/// Whether links would begin with the default of `PUBLIC_URL`, which leads to the machine of whoever opens them.
fn lacks_public_url(config: &Config) -> bool {
    let is_for_trial = matches!(config.app_env, AppEnv::Development | AppEnv::Testing);
    !is_for_trial && config.public_url == Config::default().public_url
}

/// An invitation cannot be taken back, and a second import sends none.
fn refuse_invitations(mut reader: Reader) -> anyhow::Result<()> {
    while let Some(row) = reader.next().context("the file cannot be read on")? {
        if let Row::Good { place, user } = row
            && user.password_hash.is_none()
            && user.is_active
        {
            let expected = "expected the address that people reach bank-service at";
            bail!(
                "PUBLIC_URL: not set, and the invitation of the user in {place} has a link that begins with it; {expected}"
            );
        }
    }
    Ok(())
}

struct ImportRun {
    state: AppState,
    apply: bool,
    reader: Reader,
    report: Report,
    /// Those of the current batch: rows that cannot be read are refused before the others are decided.
    refused: Vec<Refusal>,
    progress: Progress,
    counts: Counts,
}

impl ImportRun {
    async fn run(mut self) -> anyhow::Result<Counts> {
        let mut batch: Vec<(Place, ImportedUser)> = Vec::with_capacity(BATCH);
        while let Some(row) = self.reader.next().context("the file cannot be read on")? {
            self.counts.rows += 1;
            match row {
                Row::Good { place, user } => batch.push((place, user)),
                Row::Bad(refusal) => self.refuse(refusal).await?,
            }
            if batch.len() + self.refused.len() >= BATCH {
                self.write(std::mem::take(&mut batch)).await?;
            }
        }
        self.write(batch).await?;
        self.progress.finish();
        self.report.finish().context("the report")?;
        Ok(self.counts)
    }

    /// Refuses a row that cannot be read. It is not decided with the others, so its roles are checked here.
    async fn refuse(&mut self, mut refusal: Refusal) -> anyhow::Result<()> {
        self.counts.refused += 1;
        let roles = std::mem::take(&mut refusal.roles);
        if !roles.is_empty()
            && let Some(conflict) = self.state.store.read(move |db| unknown_role(db, &roles)).await?
        {
            refusal.add(conflict);
        }
        self.refused.push(refusal);
        Ok(())
    }

    /// Ends a batch; what was refused is reported in the order of the file, also if the others cannot be written.
    async fn write(&mut self, batch: Vec<(Place, ImportedUser)>) -> anyhow::Result<()> {
        let written = self.write_users(batch).await;
        self.refused.sort_by_key(|refusal| refusal.place);
        for refusal in self.refused.drain(..) {
            self.report.add(&refusal).context("the report")?;
        }
        written?;
        self.progress.show(self.reader.bytes_read(), self.counts.rows);
        Ok(())
    }

    async fn write_users(&mut self, batch: Vec<(Place, ImportedUser)>) -> anyhow::Result<()> {
        let Some((first, _)) = batch.first() else { return Ok(()) };
        let first = *first;
        let (places, users): (Vec<Place>, Vec<ImportedUser>) = batch.into_iter().unzip();
        let (users, results) = self.decide(users).await.with_context(|| {
            format!("stopped before {first}; what is above it is done, and the same command goes on from there")
        })?;
        for ((place, user), result) in places.into_iter().zip(users.iter()).zip(results) {
            match result {
                RowResult::Created => self.counts.created += 1,
                RowResult::Invited => {
                    self.counts.created += 1;
                    self.counts.invited += 1;
                }
                RowResult::Unchanged => self.counts.unchanged += 1,
                RowResult::Refused(conflicts) => {
                    self.counts.refused += 1;
                    self.refused.push(rows::refused_later(place, user, conflicts));
                }
            }
        }
        Ok(())
    }

    /// Gives the users back with the fate of each.
    async fn decide(
        &self,
        users: Vec<ImportedUser>,
    ) -> Result<(std::sync::Arc<Vec<ImportedUser>>, Vec<RowResult>), StoreError> {
        let users = std::sync::Arc::new(users);
        let rows = users.clone();
        let default_role = self.state.settings.config.default_role.clone();
        let results = if self.apply {
            let ctx = self.state.ctx_anonymous();
            let identity = self.state.identity.clone();
            let new_link = move || identity.new_link(Purpose::Invitation);
            self.state.store.write(&ctx, move |db, ctx| import(db, ctx, &rows, &default_role, &new_link)).await?
        } else {
            self.state.store.read(move |db| plan(db, &rows, &default_role)).await?
        };
        Ok((users, results))
    }
}

/// Why a file as a whole cannot be read.
fn unusable(cause: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// The place at which a file turns out not to be whole, and why.
fn not_whole(place: Place, cause: impl Display) -> io::Error {
    unusable(format!("{place}: {cause}"))
}

fn format_of(file: &Path) -> anyhow::Result<Format> {
    match file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Ok(Format::Csv),
        Some("jsonl" | "ndjson" | "json") => Ok(Format::Jsonl),
        _ => {
            bail!("{}: is it CSV or JSON? Say --format csv or --format jsonl (JSON lines or an array)", file.display())
        }
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".report.csv");
    PathBuf::from(name)
}

fn same_file(report: &Path, file: &Path) -> bool {
    report == file || matches!((report.canonicalize(), file.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn summary(counts: &Counts, apply: bool, report: &Path) -> io::Result<()> {
    let Counts { rows, created, invited, unchanged, refused } = counts;
    let did = if apply { "created" } else { "to create" };
    print_line(format_args!(
        "{rows} rows: {created} {did} ({invited} with an invitation), {unchanged} unchanged, {refused} refused"
    ))?;
    if *refused > 0 {
        print_line(format_args!("what was refused, and why: {}", report.display()))?;
    }
    if !apply {
        print_line("nothing was written; say --apply to do it")?;
    }
    Ok(())
}
