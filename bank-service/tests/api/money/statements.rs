//! Statements: the same money in every format, for those who may read it, of days that are days somewhere.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::statement_files::{FORMATS, amounts, download, drawn};
use super::support::{account, numbers, order, uuid, verified};
use crate::resources::fixture::Fixture;

pub(super) const JANUARY: &str = "from=2026-01-01&to=2026-01-31";
pub(super) const DAY: Duration = Duration::from_hours(24);

/// On 16 January Ada's account begins with 520, pays 100, gets 30,000 and 30 of the 100 back; beside a hold and a limit. Now it is
/// 10 February.
pub(super) async fn january() -> Fixture {
    let mut fixture = Fixture::new().await;
    let admin = fixture.admin.token.clone();
    let paid = uuid(&fixture.pay(100).await);
    fixture.deposit(fixture.ada.account, 30_000).await;
    fixture.hold(20).await;
    let limit = json!({"overdraft_limit": 10});
    fixture.app.put(&admin, &format!("/api/accounts/{}", fixture.ada.account), limit).await.expect(200);
    fixture.change(&admin, &paid, "reverse", json!({"amount": 30, "description": "=too much"})).await.expect(201);
    fixture.advance(25 * DAY).await;
    fixture
}

#[actix_web::test]
async fn the_formats_have_the_same_entries_and_balances() {
    let fixture = january().await;
    let body = fixture.statement(JANUARY).await.json();
    assert_eq!((&body["opening_balance"], &body["closing_balance"]), (&json!(0), &json!(30_450)));
    assert_eq!(body["debits"], json!({"count": 1, "sum": 100}));
    assert_eq!(body["credits"], json!({"count": 3, "sum": 30_550}));
    assert_eq!(body["provisional"], json!(false));
    for (format, ..) in FORMATS.iter().filter(|(format, ..)| *format != "pdf") {
        let text = fixture.statement(&format!("{JANUARY}&format={format}")).await.text();
        assert_eq!(amounts(format, &text), [520, -100, 30_000, 30], "{format}: {text}");
    }
    for (format, opening, closing) in [
        ("csv", ",opening_balance,,,,,,EUR,0.00,false\r\n", ",closing_balance,,,,,,EUR,304.50,false\r\n"),
        ("camt.053", "<Cd>OPBD</Cd>", "<Amt Ccy=\"EUR\">304.50</Amt>"),
        ("ofx", "<CURDEF>EUR</CURDEF>", "<BALAMT>304.50</BALAMT>"),
        ("mt940", ":60F:C260101EUR0,00\r\n", ":62F:C260131EUR304,50\r\n"),
    ] {
        let text = fixture.statement(&format!("{JANUARY}&format={format}")).await.text();
        assert!(text.contains(opening) && text.contains(closing), "{format}: {text}");
    }
    let pdf = drawn(&fixture.statement(&format!("{JANUARY}&format=pdf")).await.bytes);
    for shown in ["Opening balance", "0.00", "Debits: 1", "-1.00", "Credits: 3", "305.50", "Closing balance", "304.50"]
    {
        assert!(pdf.contains(&format!("({shown})")), "{shown} in {pdf}");
    }
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn the_entries_are_those_of_the_list_and_the_head_names_account_and_bank() {
    let fixture = january().await;
    let body = fixture.statement(JANUARY).await.json();
    let list = format!("/api/accounts/{}/entries?order=asc", fixture.ada.account);
    assert_eq!(body["entries"], Value::Array(fixture.list(fixture.ada.token(), &list).await));
    let account = fixture.app.get(fixture.ada.token(), &format!("/api/accounts/{}", fixture.ada.account)).await;
    let bank = json!({"id": fixture.bank, "name": "First Bank", "bic": null});
    let expected = json!({
        "id": fixture.ada.account, "iban": account.expect(200)["iban"], "currency": "EUR", "owner": "Ada", "bank": bank,
    });
    assert_eq!(body["account"], expected);
    assert_eq!(body["period"], json!({"from": "2026-01-01", "to": "2026-01-31", "timezone": "UTC"}));
    let of_staff = download(&fixture, &fixture.admin.token, fixture.ada.account, JANUARY).await.json();
    let sides = of_staff["entries"].as_array().unwrap().iter().map(|entry| &entry["counterparty"]);
    let sides: Vec<&Value> = sides.collect();
    assert_eq!((&sides[0]["system"], &sides[1]["account_id"]), (&json!("opening"), &json!(fixture.bob.account)));
}

#[actix_web::test]
async fn a_page_of_another_origin_may_read_the_name_of_the_file_and_what_else_an_answer_has_in_its_headers() {
    let app = "https://app.example";
    let fixture = Fixture::new().await.restarted(|config| config.cors.cors_origins = app.to_owned()).await;
    let account = format!("/api/accounts/{}", fixture.ada.account);
    let statement = format!("{account}/statement?format=csv&from=2026-01-16&to=2026-01-16");
    for (method, path, header) in [
        (Method::GET, statement.as_str(), "content-disposition"),
        (Method::GET, account.as_str(), "etag"),
        (Method::GET, "/api/accounts?page_size=1", "link"),
        (Method::PUT, "/api/transfers", "allow"),
    ] {
        let request = fixture.app.request(method, path, Some(&fixture.admin.token)).header("origin", app);
        let response = request.send().await.unwrap();
        let exposed = response.headers().get("access-control-expose-headers").map(|list| list.to_str().unwrap());
        let exposed = exposed.unwrap_or_default().to_ascii_lowercase();
        let names: Vec<&str> = exposed.split(", ").collect();
        assert!(names.contains(&header) && response.headers().contains_key(header), "{path}: {header} in {exposed:?}");
    }
}

#[actix_web::test]
async fn a_statement_is_for_the_owner_and_staff_and_of_a_closed_account_for_staff() {
    let fixture = january().await;
    let (ada, bob) = (fixture.ada.token(), fixture.bob.token());
    let manager = fixture.app.manager(&fixture.admin).await;
    let (manager, admin) = (manager.token.as_str(), fixture.admin.token.as_str());
    for (token, account, status) in [
        (ada, fixture.ada.account, 200),
        (manager, fixture.ada.account, 200),
        (admin, fixture.ada.account, 200),
        (bob, fixture.ada.account, 403),
        (bob, 4_711, 403),
        (manager, 4_711, 404),
    ] {
        assert_eq!(download(&fixture, token, account, "format=pdf").await.status, status, "{account}");
    }
    fixture.app.delete(admin, &format!("/api/accounts/{}", fixture.ada.account)).await.expect(200);
    assert_eq!(fixture.statement("").await.status, 403);
    let today = "from=2026-01-01&to=2026-02-10";
    for (format, ..) in FORMATS.iter().filter(|(format, ..)| ["json", "csv"].contains(format)) {
        let query = format!("{today}&format={format}");
        let text = download(&fixture, manager, fixture.ada.account, &query).await.text();
        let all = amounts(format, &text);
        assert!(all.starts_with(&[520, -100]) && all.iter().sum::<i64>() == 0, "{text}");
    }
    let owner = download(&fixture, manager, fixture.ada.account, today).await.json();
    assert_eq!(owner["account"]["owner"], "Ada");
}

#[actix_web::test]
async fn a_bad_period_and_an_unknown_format_are_named() {
    let fixture = january().await;
    for (query, fields) in [
        ("format=xlsx", &["format"][..]),
        ("format=", &["format"]),
        ("from=2026-02-02&to=2026-02-01", &["from"]),
        ("from=2026-02-11&to=2026-02-12", &["from", "to"]),
        ("to=2026-02-11", &["to"]),
        ("from=2025-02-08&to=2026-02-09", &["to"]),
        ("from=yesterday&to=2026-2-1&format=PDF", &["format", "from", "to"]),
        ("from=2026-01-01T00:00:00Z", &["from"]),
        ("from=2026-01-01&from=2026-01-02", &["from"]),
        ("page_size=5", &["page_size"]),
    ] {
        let refused = fixture.statement(query).await;
        let body: Value = serde_json::from_slice(&refused.bytes).unwrap();
        assert_eq!((refused.status, &body["error"]), (422, &json!("validation_failed")), "{query}");
        let named: Vec<&str> = body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, fields, "{query}: {body}");
    }
    assert_eq!(fixture.statement("from=2025-02-09&to=2026-02-09").await.status, 200, "366 days");
}

#[actix_web::test]
async fn a_day_that_is_not_over_is_provisional_or_refused() {
    let fixture = Fixture::new().await;
    let today = "from=2026-01-16&to=2026-01-16";
    for format in ["camt.053", "ofx", "mt940"] {
        let refused = fixture.statement(&format!("{today}&format={format}")).await;
        let body: Value = serde_json::from_slice(&refused.bytes).unwrap();
        assert_eq!((refused.status, &body["error"]), (422, &json!("period_not_closed")), "{format}");
        assert_eq!(fixture.statement(&format!("to=2026-01-15&format={format}")).await.status, 200, "{format}");
    }
    let body = fixture.statement(today).await.json();
    assert_eq!((&body["provisional"], &body["closing_balance"]), (&json!(true), &json!(520)));
    let csv = fixture.statement(&format!("{today}&format=csv")).await.text();
    assert!(csv.lines().skip(1).all(|row| row.ends_with(",true")), "{csv}");
    assert!(drawn(&fixture.statement(&format!("{today}&format=pdf")).await.bytes).contains("PROVISIONAL"));
}

#[actix_web::test]
async fn an_amount_or_a_balance_that_mt940_has_no_room_for_is_left_to_the_other_formats() {
    let mut fixture = Fixture::new().await;
    let largest = 99_999_999_999_999;
    fixture.deposit(fixture.ada.account, largest - 520).await;
    fixture.advance(DAY).await;
    fixture.deposit(fixture.ada.account, 1).await;
    fixture.pay(1).await;
    fixture.advance(DAY).await;
    let mt940 = fixture.statement("from=2026-01-16&to=2026-01-16&format=mt940").await.text();
    assert!(mt940.contains(":62F:C260116EUR999999999999,99\r\n"), "{mt940}");
    for period in ["from=2026-01-17&to=2026-01-17", "from=2026-01-16&to=2026-01-17"] {
        let refused = fixture.statement(&format!("{period}&format=mt940")).await;
        let body: Value = serde_json::from_slice(&refused.bytes).unwrap();
        assert_eq!((refused.status, &body["error"]), (422, &json!("validation_failed")), "{period}");
        let fault = body["errors"]["format"][0].as_str().unwrap();
        assert!(fault.ends_with("use one of json, csv, pdf, camt.053, ofx"), "{fault}");
        for (format, ..) in FORMATS.iter().filter(|(format, ..)| *format != "mt940") {
            assert_eq!(fixture.statement(&format!("{period}&format={format}")).await.status, 200, "{period} {format}");
        }
    }
    fixture.deposit(fixture.ada.account, 1).await;
    fixture.advance(2 * DAY).await;
    let refused = fixture.statement("from=2026-01-19&to=2026-01-19&format=mt940").await;
    assert_eq!(refused.status, 422, "the balances alone");
}

#[actix_web::test]
async fn a_text_that_a_spreadsheet_would_run_is_defused_and_an_amount_is_not() {
    let fixture = Fixture::new().await;
    let mut body = fixture.to_bob(100);
    body["reference"] = json!("+1");
    body["description"] = json!("=HYPERLINK(\"http://x\")");
    fixture.app.post(fixture.ada.token(), "/api/transfers", body).await.expect(201);
    let csv = fixture.statement("from=2026-01-16&format=csv").await.text();
    let row = csv.lines().find(|row| row.contains(",transfer,")).unwrap();
    assert!(row.contains(",'+1,\"'=HYPERLINK(\"\"http://x\"\")\",-1.00,EUR,4.20,true"), "{row}");
}

#[actix_web::test]
async fn the_same_period_gives_the_same_bytes_but_for_the_creation_time() {
    let mut fixture = january().await;
    let all = async |fixture: &Fixture| {
        let mut files = Vec::new();
        for (format, ..) in FORMATS {
            files.push(fixture.statement(&format!("{JANUARY}&format={format}")).await.bytes);
        }
        files
    };
    let first = all(&fixture).await;
    fixture.rename("Augusta", "Last Bank").await;
    fixture.pay(1).await;
    fixture.advance(DAY).await;
    let second = all(&fixture).await;
    // The same time in the forms that the formats have for it, a day apart.
    let forms = ["2026-02-10T17:10:26Z", "D:20260210171026Z", "20260210171026.000"];
    for ((format, ..), (one, other)) in FORMATS.iter().zip(first.iter().zip(&second)) {
        let mut other = String::from_utf8_lossy(other).into_owned();
        for form in forms {
            other = other.replace(&form.replacen("10", "11", 1), form);
        }
        assert_eq!(String::from_utf8_lossy(one), other, "{format}");
        let is_dated = !["csv", "mt940"].contains(format);
        assert_eq!(forms.iter().any(|form| other.contains(form)), is_dated, "{format}");
    }
}

#[actix_web::test]
async fn a_day_is_one_of_the_time_zone_of_the_ledger() {
    let mut fixture = Fixture::new().await;
    // 23:30 in UTC is half past midnight in Berlin.
    fixture.advance(Duration::from_secs(6 * 3_600 + 19 * 60 + 34)).await;
    fixture.deposit(fixture.ada.account, 30).await;
    let mut fixture = fixture.restarted(|config| config.money.ledger_timezone = "Europe/Berlin".to_owned()).await;
    fixture.advance(3 * DAY).await;
    for (day, opening, entries) in [
        ("2026-01-15", 0, vec![]),
        ("2026-01-16", 0, vec![520]),
        ("2026-01-17", 520, vec![30]),
        ("2026-01-18", 550, vec![]),
    ] {
        let body = fixture.statement(&format!("from={day}&to={day}")).await.json();
        assert_eq!(body["opening_balance"], json!(opening), "{day}");
        assert_eq!(numbers(body["entries"].as_array().unwrap(), "amount"), entries, "{day}");
        assert_eq!(body["period"]["timezone"], "Europe/Berlin");
    }
    let mt940 = fixture.statement("from=2026-01-17&to=2026-01-17&format=mt940").await.text();
    assert!(mt940.contains(":61:2601170117C0,30N") && mt940.contains(":62F:C260117EUR5,50"), "{mt940}");
    let camt = fixture.statement("from=2026-01-17&to=2026-01-17&format=camt.053").await.text();
    assert!(camt.contains("<FrDtTm>2026-01-17T00:00:00+01:00</FrDtTm>"), "{camt}");
    assert!(camt.contains("<DtTm>2026-01-17T00:30:00+01:00</DtTm>"), "{camt}");
}

#[actix_web::test]
async fn many_entries_are_one_walk_over_many_pages() {
    let mut fixture = Fixture::new().await;
    let one = order(&account(fixture.ada.account), &account(fixture.bob.account), 1);
    let batch = json!({"transfers": vec![one; 500]});
    fixture.keyed(fixture.ada.token(), "/api/transfers/batch", "many", &batch).await.expect(200);
    fixture.advance(DAY).await;
    let day = "from=2026-01-16&to=2026-01-16";
    let body = fixture.statement(day).await.json();
    let entries = body["entries"].as_array().unwrap();
    assert_eq!(numbers(entries, "seq"), (1..=501).collect::<Vec<i64>>());
    assert_eq!(numbers(entries, "balance_after"), (20..=520).rev().collect::<Vec<i64>>());
    assert_eq!(body["debits"], json!({"count": 500, "sum": 500}));
    for format in ["csv", "camt.053", "ofx", "mt940"] {
        let text = fixture.statement(&format!("{day}&format={format}")).await.text();
        let all = amounts(format, &text);
        assert_eq!((all.len(), all.iter().sum::<i64>()), (501, 20), "{format}");
    }
    let mt940 = fixture.statement(&format!("{day}&format=mt940")).await.text();
    assert!(mt940.split("-\r\n:20:").all(|message| message.len() <= 2_000) && mt940.contains(":60M:"), "{mt940}");
    let pdf = fixture.statement(&format!("{day}&format=pdf")).await.bytes;
    let (pdf, pages) = (drawn(&pdf), String::from_utf8_lossy(&pdf).matches("/Type/Page/").count());
    assert!(pages > 20 && pdf.contains(&format!("(Page {pages} of {pages})")), "{pages}");
    assert_eq!(pdf.matches("(Carried forward)").count(), pages - 1);
}

#[actix_web::test]
async fn without_a_period_it_is_the_last_month_and_one_without_entries_has_its_balance() {
    let fixture = january().await;
    let body = fixture.statement("").await.json();
    assert_eq!((&body["period"]["from"], &body["period"]["to"]), (&json!("2026-01-01"), &json!("2026-01-31")));
    for (query, from, to, balance) in [
        ("from=2026-02-01&to=2026-02-09", "2026-02-01", "2026-02-09", 30_450),
        ("from=2026-02-03", "2026-02-03", "2026-02-09", 30_450),
        ("to=2026-01-10", "2026-01-01", "2026-01-10", 0),
        ("from=1999-12-31&to=1999-12-31", "1999-12-31", "1999-12-31", 0),
    ] {
        let body = fixture.statement(query).await.json();
        assert_eq!((&body["period"]["from"], &body["period"]["to"]), (&json!(from), &json!(to)), "{query}");
        assert_eq!((&body["opening_balance"], &body["closing_balance"]), (&json!(balance), &json!(balance)), "{query}");
        assert_eq!(body["entries"], json!([]), "{query}");
        for (format, ..) in FORMATS {
            assert_eq!(fixture.statement(&format!("{query}&format={format}")).await.status, 200, "{query} {format}");
        }
    }
}

#[actix_web::test]
async fn a_statement_is_a_file_of_its_media_type_which_accept_may_choose() {
    let fixture = january().await;
    let path = format!("/api/accounts/{}/statement?{JANUARY}", fixture.ada.account);
    for (format, media_type, extension) in FORMATS {
        let answer = fixture.statement(&format!("{JANUARY}&format={format}")).await;
        let name = format!("statement-{}-2026-01-01-2026-01-31.{extension}", fixture.ada.account);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(media_type), "{format}");
        assert_eq!(answer.headers["content-disposition"], format!("attachment; filename=\"{name}\"").as_str());
        let request = fixture.app.request(Method::HEAD, &path, Some(fixture.ada.token()));
        let head = request.header("Accept", media_type).send().await.unwrap();
        assert_eq!(head.headers()["content-type"], answer.headers["content-type"], "{format}");
        assert!(!head.headers().contains_key("content-length"), "{format}: the length is not known");
        assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0), "{format}");
    }
}
