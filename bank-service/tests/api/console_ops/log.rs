//! `/console/log`: entries of log-service by its API.

use super::services::entry;
use super::{MARKUP, assert_harmless, start};
use crate::console::browser::Browser;
use crate::identity::tokens::claims;

#[actix_web::test]
async fn entries_are_searched_with_a_token_of_the_users_session() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    services.state.entries.lock().unwrap().push(entry("9", MARKUP));
    let page =
        browser.get("/console/log?event_type=account.created&user_id=7&q=&from=2026-01-16T17:10").await.expect(200);
    assert_harmless(&page.text);
    assert!(page.text.contains("/console/flow/01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12"), "{}", page.text);
    assert!(page.text.contains("after=Mg"), "a link to the next page: {}", page.text);
    let (asked, token) = services.last("/api/logs?");
    let expected =
        "/api/logs?event_type=account.created&user_id=7&from=2026-01-16T17%3A10%3A00&order=desc&page_size=25&after=";
    assert_eq!(asked, expected);
    let token = token.unwrap();
    assert!(token.starts_with("Bearer ") && !token.contains(&browser.session()), "a token, not the cookie");
    browser.get("/console/log?color=red").await.expect(400);
}

#[actix_web::test]
async fn an_entry_leads_to_its_event_and_its_markup_is_escaped() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    services.state.entries.lock().unwrap().push(entry("9", MARKUP));
    let page = browser.get("/console/log/9").await.expect(200).text;
    assert_harmless(&page);
    assert!(page.contains("/console/flow/01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12"), "{page}");
    for missing in ["8", "..%2Fx", "a-b"] {
        browser.get(&format!("/console/log/{missing}")).await.expect(404);
    }
}

/// Such an entry has no row in the outbox, so there is no page about its way.
#[actix_web::test]
async fn an_entry_of_another_source_leads_to_no_event() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut manual = entry("9", "checked the vault");
    manual["source"] = "manual".into();
    services.state.entries.lock().unwrap().push(manual);
    for path in ["/console/log", "/console/log/9"] {
        let page = browser.get(path).await.expect(200).text;
        assert!(page.contains("checked the vault") && !page.contains("/console/flow/0"), "{page}");
    }
}

#[actix_web::test]
async fn the_export_is_the_file_of_log_service_with_its_defused_cells() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let file = "\u{feff}id,message\r\n1,\"'=HYPERLINK(\"\"http://evil.example\"\")\"\r\n";
    file.clone_into(&mut services.state.export.lock().unwrap());
    let page = browser.get("/console/log/export?q=x").await.expect(200);
    assert_eq!(page.text.trim_start_matches('\u{feff}'), file.trim_start_matches('\u{feff}'));
    assert!(page.header("content-type").starts_with("text/csv"));
    assert_eq!(page.header("content-disposition"), "attachment; filename=\"logs.csv\"");
    assert_eq!(services.last("/api/logs/export").0, "/api/logs/export?q=x&format=csv");
}

#[actix_web::test]
async fn the_token_of_an_export_lasts_as_long_as_the_export_may_and_that_of_a_page_a_minute() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let cases = [("/console/log", "/api/logs?", 60), ("/console/log/export", "/api/logs/export", 600)];
    for (page, path, seconds) in cases {
        browser.get(page).await.expect(200);
        let claims = claims(services.last(path).1.unwrap().trim_start_matches("Bearer "));
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, seconds, "{path}");
    }
}

#[actix_web::test]
async fn a_service_that_is_down_is_a_page_with_the_cause() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    services.set_down(true);
    let page = browser.get("/console/log?q=x").await.expect(200).text;
    assert!(page.contains("log-service answers 503") && page.contains("value=\"x\""), "{page}");
    assert_harmless(&page);
    browser.get("/console/log/9").await.expect(200);
    browser.get("/console/log/export").await.expect(502);
}
