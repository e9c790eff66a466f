//! The names of holder and bank in statements: those of the end of the period, whatever comes later.

use std::time::Duration;

use bank_service::store::{DatabaseUrl, migrations};
use serde_json::{Value, json};

use super::statement_files::{FORMATS, download};
use super::statements::{DAY, JANUARY, january};
use crate::database;
use crate::harness::TestApp;
use crate::resources::fixture::{Fixture, id};

/// Days before the first movement of Ada's account.
const BEFORE: &str = "from=2026-01-01&to=2026-01-15";

/// A day of the fixture's today, which is 10 February, or of one near it.
fn day(day: u8) -> String {
    format!("from=2026-02-{day:02}&to=2026-02-{day:02}")
}

impl Fixture {
    /// An account of Ada's in which nothing ever moved.
    async fn idle_account(&self) -> i64 {
        let body = json!({"bank_id": self.bank});
        id(&self.app.post(self.ada.token(), "/api/accounts", body).await.item(201))
    }

    /// Gives Ada and her bank other names.
    pub(super) async fn rename(&self, owner: &str, bank: &str) {
        let (client_path, bank_path) =
            (format!("/api/clients/{}", self.ada.client), format!("/api/banks/{}", self.bank));
        for (path, name) in [(client_path, owner), (bank_path, bank)] {
            self.app.put(&self.admin.token, &path, json!({"name": name})).await.expect(200);
        }
    }

    /// The names of holder and bank in a statement for staff.
    async fn names(&self, account: i64, query: &str) -> (String, String) {
        let body = download(self, &self.admin.token, account, query).await.json();
        let text = |name: &Value| name.as_str().unwrap().to_owned();
        (text(&body["account"]["owner"]), text(&body["account"]["bank"]["name"]))
    }

    /// The statements of a period of these accounts in every format, for staff.
    async fn files(&self, accounts: &[i64], period: &str) -> Vec<String> {
        let mut files = Vec::new();
        for account in accounts {
            for (format, ..) in FORMATS {
                let query = format!("{period}&format={format}");
                files.push(download(self, &self.admin.token, *account, &query).await.text());
            }
        }
        files
    }

    /// The same bank as if former names had not been kept before now.
    async fn without_former_names(mut self) -> Self {
        let clock = self.app.clock.clone();
        let folder = self.app.stop().await;
        let url: DatabaseUrl = database::of(folder.path()).await.expose().parse().unwrap();
        let again = move || {
            while migrations::downgrade(&url).unwrap().unwrap() != "20261213000001" {}
            migrations::upgrade(&url).unwrap();
        };
        tokio::task::spawn_blocking(again).await.unwrap();
        self.app = TestApp::start_in(folder, clock, |_| {}).await;
        self
    }
}

fn names(owner: &str, bank: &str) -> (String, String) {
    (owner.to_owned(), bank.to_owned())
}

#[actix_web::test]
async fn a_new_name_changes_no_statement_of_a_closed_period_in_any_format() {
    let fixture = january().await;
    let accounts = [fixture.ada.account, fixture.idle_account().await];
    let mut first = Vec::new();
    for period in [JANUARY, BEFORE] {
        first.push(fixture.files(&accounts, period).await);
    }
    for (owner, bank) in [("Augusta", "Second Bank"), ("Augusta Ada", "Third Bank")] {
        fixture.rename(owner, bank).await;
        for (period, first) in [JANUARY, BEFORE].into_iter().zip(&first) {
            assert_eq!(&fixture.files(&accounts, period).await, first, "{period} {owner}");
        }
    }
}

#[actix_web::test]
async fn a_period_has_the_names_of_its_end_and_one_that_is_not_over_those_of_today() {
    let mut fixture = january().await;
    let accounts = [fixture.ada.account, fixture.idle_account().await];
    fixture.rename("Augusta", "Second Bank").await;
    fixture.rename("Augusta Ada", "Third Bank").await;
    for account in accounts {
        assert_eq!(fixture.names(account, &day(10)).await, names("Augusta Ada", "Third Bank"), "today");
    }
    fixture.advance(DAY).await;
    fixture.rename("Ada", "First Bank").await;
    fixture.advance(2 * DAY).await;
    for account in accounts {
        for (period, owner, bank) in [
            (JANUARY, "Ada", "First Bank"),
            (day(9).as_str(), "Ada", "First Bank"),
            (day(10).as_str(), "Augusta Ada", "Third Bank"),
            (day(11).as_str(), "Ada", "First Bank"),
            (day(12).as_str(), "Ada", "First Bank"),
            ("from=2026-01-16&to=2026-02-10", "Augusta Ada", "Third Bank"),
        ] {
            assert_eq!(fixture.names(account, period).await, names(owner, bank), "{account} {period}");
        }
    }
}

#[actix_web::test]
async fn a_name_of_the_first_instant_after_a_period_in_the_time_zone_of_the_ledger_is_not_of_it() {
    let fixture = january().await;
    let mut fixture = fixture.restarted(|config| config.money.ledger_timezone = "Europe/Berlin".to_owned()).await;
    let account = fixture.idle_account().await;
    // The day ends at 23:00 in UTC.
    let moment = Duration::from_micros(1);
    fixture.advance(Duration::from_secs(5 * 3_600 + 49 * 60 + 33) + Duration::from_micros(999_999)).await;
    fixture.rename("Augusta", "Second Bank").await;
    fixture.advance(moment).await;
    fixture.rename("Augusta Ada", "Third Bank").await;
    fixture.advance(DAY).await;
    for (day, owner, bank) in
        [(day(9), "Ada", "First Bank"), (day(10), "Augusta", "Second Bank"), (day(11), "Augusta Ada", "Third Bank")]
    {
        assert_eq!(fixture.names(account, &day).await, names(owner, bank), "{day}");
    }
}

#[actix_web::test]
async fn clients_and_a_bank_that_are_gone_keep_their_last_names_in_statements() {
    let mut fixture = january().await;
    let accounts = [fixture.ada.account, fixture.idle_account().await, fixture.bob.account];
    fixture.rename("Augusta", "Last Bank").await;
    let today = "from=2026-01-01&to=2026-02-10";
    let closed = fixture.files(&accounts, JANUARY).await;
    let admin = fixture.admin.token.clone();
    for path in [
        format!("/api/clients/{}", fixture.ada.client),
        format!("/api/users/{}", fixture.bob.person.id),
        format!("/api/banks/{}", fixture.bank),
    ] {
        fixture.app.delete(&admin, &path).await.expect(200);
        assert_eq!(fixture.files(&accounts, JANUARY).await, closed, "{path}");
    }
    fixture.app.clock.advance(2 * DAY);
    fixture.admin = fixture.app.admin().await;
    for period in [today, day(11).as_str()] {
        for (account, owner) in accounts.into_iter().zip(["Augusta", "Augusta", "Bob"]) {
            assert_eq!(fixture.names(account, period).await, names(owner, "Last Bank"), "{account} {period}");
        }
    }
}

#[actix_web::test]
async fn names_that_ended_before_former_names_were_kept_are_those_of_transfers() {
    let fixture = january().await;
    let idle = fixture.idle_account().await;
    fixture.rename("Augusta", "Second Bank").await;
    let fixture = fixture.without_former_names().await;
    fixture.rename("Augusta Ada", "Third Bank").await;
    for period in [JANUARY, BEFORE, day(9).as_str()] {
        assert_eq!(fixture.names(fixture.ada.account, period).await, names("Ada", "Second Bank"), "{period}");
        assert_eq!(fixture.names(idle, period).await, names("Augusta", "Second Bank"), "{period}");
    }
}

#[actix_web::test]
async fn parties_that_were_gone_before_former_names_were_kept_are_named_by_their_transfers_or_ids() {
    let fixture = january().await;
    let (idle, bank) = (fixture.idle_account().await, format!("/api/banks/{}", fixture.bank));
    fixture.rename("Augusta", "Last Bank").await;
    fixture.app.delete(&fixture.admin.token, &bank).await.expect(200);
    let client = format!("/api/clients/{}", fixture.ada.client);
    fixture.app.delete(&fixture.admin.token, &client).await.expect(200);
    let nobody = format!("Client {}", fixture.ada.client);
    let fixture = fixture.without_former_names().await;
    for period in [JANUARY, BEFORE] {
        assert_eq!(fixture.names(fixture.ada.account, period).await, names("Ada", "Last Bank"), "{period}");
        assert_eq!(fixture.names(idle, period).await, names(&nobody, "Last Bank"), "{period}");
    }
}
