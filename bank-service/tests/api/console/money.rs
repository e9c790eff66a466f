//! The bank's screens: transfers, holds, reversals, statements, the check of the ledger.

use bank_service::domain::ledger::{TransferKind, TransferStatus};
use reqwest::Method;
use test_support::eventually;

use super::browser::{Browser, Page};
use crate::harness::ADMIN;
use crate::resources::fixture::Fixture;

/// Fills in the form of a transfer from Ada's account to Bob's.
async fn send(browser: &Browser<'_>, fixture: &Fixture, key: &str, amount: &str, hold: bool) -> Page {
    let on = format!("/console/bank/transfers/new?account_id={}", fixture.ada.account);
    let (from, to) = (fixture.ada.account.to_string(), fixture.bob.account.to_string());
    let mut fields = vec![
        ("key", key),
        ("from_account_id", from.as_str()),
        ("to_kind", "account"),
        ("to_id", to.as_str()),
        ("amount", amount),
        ("reference", "INVOICE-7"),
        ("description", ""),
    ];
    if hold {
        fields.push(("hold", "yes"));
    }
    browser.submit(&on, "/console/bank/transfers/new", &fields).await
}

async fn balance(fixture: &Fixture, account: i64) -> i64 {
    let item = fixture.app.get(&fixture.admin.token, &format!("/api/accounts/{account}")).await.expect(200);
    item["balance"].as_i64().unwrap()
}

#[actix_web::test]
async fn a_transfer_is_posted_once_however_often_its_form_is_sent_and_is_reversed() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let on = format!("/console/bank/transfers/new?account_id={}", fixture.ada.account);
    let key = browser.get(&on).await.expect(200).field("key");
    let posted = send(&browser, &fixture, &key, "1.20", false).await;
    let again = send(&browser, &fixture, &key, "1.20", false).await;
    assert_eq!(posted.leads_to(), again.leads_to());
    assert_eq!(balance(&fixture, fixture.ada.account).await, 400);
    send(&browser, &fixture, &key, "1.30", false).await.expect(422);
    assert_eq!(balance(&fixture, fixture.bob.account).await, 640);

    let page = browser.get(posted.leads_to()).await.expect(200);
    assert!(page.text.contains("INVOICE-7"), "{}", page.text);
    let (key, path) = (page.field("key"), format!("{}/reverse", posted.leads_to()));
    let without_reason = [("key", key.as_str()), ("amount", ""), ("description", " ")];
    browser.submit(posted.leads_to(), &path, &without_reason).await.expect(422);
    let too_much = [("key", "refused"), ("amount", "1.21"), ("description", "sent twice")];
    let refused = browser.submit(posted.leads_to(), &path, &too_much).await.expect(422);
    assert!(refused.text.contains("must be at most 1.20 EUR, which is not reversed yet"), "{}", refused.text);
    let fields = [("key", key.as_str()), ("amount", "0.20"), ("description", "sent twice")];
    let reversed = browser.submit(posted.leads_to(), &path, &fields).await;
    assert_ne!(reversed.leads_to(), posted.leads_to());
    let page = browser.get(reversed.leads_to()).await.expect(200).text;
    assert!(page.contains("The transfer was reversed") && page.contains("sent twice"), "{page}");
    let page = browser.get(reversed.leads_to()).await.expect(200).text;
    assert!(!page.contains("The transfer was reversed"), "{page}");
    browser.submit(posted.leads_to(), &path, &fields).await.expect(303);
    assert_eq!(balance(&fixture, fixture.ada.account).await, 420);
}

#[actix_web::test]
async fn the_search_for_transfers_offers_each_kind_and_status_that_there_is() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let page = browser.get("/console/bank/transfers?kind=closing&status=held").await.expect(200).text;
    let offered = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\">")).unwrap();
        let (list, _) = rest.split_once("</select>").unwrap();
        list.split("</option>").filter_map(|one| Some(one.rsplit_once('>')?.1.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(offered("kind"), [&["any"][..], &TransferKind::NAMES].concat());
    assert_eq!(offered("status"), [&["any"][..], &TransferStatus::NAMES].concat());
    assert!(page.contains("<option selected>closing<") && page.contains("<option selected>held<"), "{page}");
}

#[actix_web::test]
async fn a_hold_is_captured_in_part_or_voided() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let held = send(&browser, &fixture, "first", "2", true).await;
    assert_eq!(balance(&fixture, fixture.ada.account).await, 520);
    let account = format!("/console/bank/accounts/{}", fixture.ada.account);
    let id = held.leads_to().rsplit('/').next().unwrap().to_owned();
    assert!(browser.get(&account).await.expect(200).text.contains(&id));
    let (on, path) = (held.leads_to(), format!("{}/capture", held.leads_to()));
    for (amount, fault) in [("0.001", "at most 2 decimal places"), ("2.01", "must be at most 2.00 EUR, which is held")]
    {
        let refused = browser.submit(on, &path, &[("key", "refused"), ("amount", amount)]).await.expect(422);
        assert!(refused.text.contains(fault) && !refused.text.contains("minor unit"), "{}", refused.text);
    }
    browser.submit(on, &path, &[("key", "capture"), ("amount", "0.50")]).await.expect(303);
    assert_eq!(balance(&fixture, fixture.bob.account).await, 570);
    browser.submit(on, &path, &[("key", "another"), ("amount", "")]).await.expect(409);
    let held = send(&browser, &fixture, "second", "2", true).await;
    let path = format!("{}/void", held.leads_to());
    browser.submit(held.leads_to(), &path, &[("key", "void")]).await.expect(303);
    assert!(browser.get(held.leads_to()).await.expect(200).text.contains("voided"));
}

#[actix_web::test]
async fn a_void_from_a_page_of_before_the_capture_finds_the_hold_ended() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let held = send(&browser, &fixture, "hold", "2", true).await;
    let (on, page) = (held.leads_to(), browser.get(held.leads_to()).await.expect(200));
    let key_of = |form: &str| {
        let (_, form) = page.text.split_once(&format!("/{form}\" class=")).unwrap();
        let (_, rest) = form.split_once("name=\"key\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (capture, void) = (key_of("capture"), key_of("void"));
    browser.submit(on, &format!("{on}/capture"), &[("key", capture.as_str()), ("amount", "")]).await.expect(303);
    browser.submit(on, &format!("{on}/void"), &[("key", void.as_str())]).await.expect(409);
    assert_eq!(balance(&fixture, fixture.bob.account).await, 720);
}

#[actix_web::test]
async fn a_form_with_faults_is_shown_again_as_it_was_filled_in() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let places = "must be above zero, with at most 2 decimal places";
    for (amount, fault) in [("1000000", "Only 5.20 EUR can be spent"), ("1.234", places), ("-1", places), ("x", places)]
    {
        let again = send(&browser, &fixture, "key", amount, false).await.expect(422);
        assert_eq!((again.field("key"), again.field("reference")), ("key".to_owned(), "INVOICE-7".to_owned()));
        assert!(again.text.contains("role=\"alert\"") && again.text.contains(fault), "{}", again.text);
    }
    assert_eq!(balance(&fixture, fixture.ada.account).await, 520);
    browser.get("/console/bank/transfers/new").await.expect(400);
    browser.get("/console/bank/transfers/new?account_id=999999").await.expect(404);
}

#[actix_web::test]
async fn a_choice_that_no_page_offers_moves_no_money() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let on = format!("/console/bank/transfers/new?account_id={}", fixture.ada.account);
    let (from, to) = (fixture.ada.account.to_string(), fixture.bob.account.to_string());
    let choose = async |kind: &str, hold: Option<&str>| {
        let mut fields = vec![
            ("key", "choice"),
            ("from_account_id", from.as_str()),
            ("to_kind", kind),
            ("to_id", to.as_str()),
            ("amount", "1.20"),
            ("reference", ""),
            ("description", ""),
        ];
        fields.extend(hold.map(|hold| ("hold", hold)));
        browser.submit(&on, "/console/bank/transfers/new", &fields).await
    };
    for kind in ["", "bank", "Card", "account "] {
        choose(kind, None).await.expect(400);
    }
    for hold in ["", "no", "false", "on"] {
        choose("account", Some(hold)).await.expect(400);
    }
    let account = fixture.app.get(&fixture.admin.token, &format!("/api/accounts/{from}")).await.expect(200);
    assert_eq!((&account["balance"], &account["available"]), (&520.into(), &520.into()));
    for full in ["", "no", "on"] {
        browser.submit("/console/bank/ledger", "/console/bank/ledger/verify", &[("full", full)]).await.expect(400);
    }
    choose("account", Some("yes")).await.expect(303);
}

#[actix_web::test]
async fn the_money_of_a_card_has_decimals_and_its_entries_have_a_page() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let path = format!("/console/bank/cards/{}", fixture.ada.card);
    let link = format!("href=\"{path}\"");
    for list in ["/console/bank/cards".to_owned(), format!("/console/bank/accounts/{}", fixture.ada.account)] {
        let list = browser.get(&list).await.expect(200).text;
        assert!(list.contains(&link) && list.contains(">1.00 EUR<"), "{list}");
    }
    let page = browser.get(&path).await.expect(200).text;
    // Its balance, what is available of it, the amount of its only entry, and the balance after that.
    assert_eq!(page.matches(">1.00 EUR<").count(), 4, "{page}");
    browser.get("/console/bank/cards/999999").await.expect(404);
}

#[actix_web::test]
async fn a_statement_has_the_bytes_of_the_api() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let account = fixture.ada.account;
    let query = "from=2026-01-01&to=2026-01-16&format=csv";
    let empty = browser.get(&format!("/console/bank/accounts/{account}/statement?from=&to=&format=json")).await;
    assert_eq!(empty.leads_to(), format!("/console/bank/accounts/{account}/statement?format=json"));
    let page = browser.get(&format!("/console/bank/accounts/{account}/statement?{query}")).await.expect(200);
    let path = format!("/api/accounts/{account}/statement?{query}");
    let request = fixture.app.request(Method::GET, &path, Some(&fixture.admin.token));
    let api = request.send().await.unwrap();
    assert_eq!(page.header("content-disposition"), api.headers()["content-disposition"]);
    assert_eq!(page.text, api.text().await.unwrap());
    assert!(Browser::new(&fixture.app).get(&path.replace("/api", "/console/bank")).await.leads_to().contains("login"));
}

#[actix_web::test]
async fn the_ledger_is_shown_and_checked() {
    let fixture = Fixture::new().await;
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let page = browser.get("/console/bank/ledger").await.expect(200);
    assert!(page.text.contains("balanced") && page.text.contains("EUR"), "{}", page.text);
    let began = browser.submit("/console/bank/ledger", "/console/bank/ledger/verify", &[("full", "yes")]).await;
    assert_eq!(began.leads_to(), "/console/bank/ledger");
    eventually("the check has ended", async || {
        browser.get("/console/bank/ledger").await.expect(200).text.contains("done: sound")
    })
    .await;
}
