//! Every page: small, whole without script, usable with a keyboard and a screen reader.

use reqwest::Method;
use reqwest::header::ACCEPT;

use super::browser::{Browser, SCREENS};
use crate::harness::{ADMIN, TestApp};
use crate::resources::fixture::Fixture;

const LARGEST: usize = 60_000;

#[actix_web::test]
async fn every_screen_is_small_and_has_what_assistive_technology_needs() {
    let fixture = Fixture::new().await;
    for number in 0..30 {
        let body = serde_json::json!({"name": format!("{number} {}", "x".repeat(90))});
        fixture.app.post(&fixture.admin.token, "/api/banks", body).await.expect(201);
    }
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let of_account = format!("/console/bank/accounts/{}", fixture.ada.account);
    let of_card = format!("/console/bank/cards/{}", fixture.ada.card);
    let mut paths: Vec<&str> = SCREENS.to_vec();
    paths.extend(["/console/bank/ledger", of_account.as_str(), of_card.as_str(), "/console/confirm", "/console/login"]);
    for path in paths {
        let page = browser.get(path).await.expect(200);
        assert!(page.text.len() < LARGEST, "{path}: {} bytes", page.text.len());
        assert!(page.text.contains("<html lang=\"en\">") && page.text.contains("name=\"viewport\""), "{path}");
        assert_eq!((page.text.matches("<h1>").count(), page.text.matches("<main").count()), (1, 1), "{path}");
        assert_eq!(page.text.matches("<table").count(), page.text.matches("<caption").count(), "{path}");
        assert_no_caption_repeats_its_heading(path, &page.text);
        for forbidden in ["<style", " style=", "javascript:", " onclick="] {
            assert!(!page.text.contains(forbidden), "{path}: {forbidden}");
        }
        if !path.ends_with("/login") && !path.ends_with("/confirm") {
            assert_eq!(page.text.matches("aria-current=\"page\"").count(), 1, "{path}");
        }
    }
}

/// Of the captions that are seen: those for screen readers have a class.
#[track_caller]
fn assert_no_caption_repeats_its_heading(path: &str, html: &str) {
    let text = |rest: &str| rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
    for (begin, _) in html.match_indices("<caption>") {
        let (before, after) = html.split_at(begin);
        let heading = before.rfind("<h1>").max(before.rfind("<h2>")).map(|at| text(&before[at + 1..])).unwrap();
        let caption = text(&after[1..]);
        assert!(!caption.starts_with(&heading), "{path}: {caption}");
    }
}

#[actix_web::test]
async fn a_long_list_is_walked_page_by_page() {
    let fixture = Fixture::new().await;
    for number in 0..30 {
        let body = serde_json::json!({"name": format!("Bank {number}")});
        fixture.app.post(&fixture.admin.token, "/api/banks", body).await.expect(201);
    }
    let browser = Browser::of(&fixture.app, ADMIN).await;
    let first = browser.get("/console/bank/banks").await.expect(200);
    let (_, link) =
        first.text.split_once("rel=\"next\"").map(|(before, _)| before.rsplit_once("href=\"").unwrap()).unwrap();
    let next = link.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&");
    let second = browser.get(&next).await.expect(200);
    assert!(second.text.contains("Bank 29") && !second.text.contains("rel=\"next\""), "{next}");
    assert!(second.text.contains("First page"));
}

#[actix_web::test]
async fn files_are_kept_by_their_hash_and_no_other_file_is_served() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    let login = browser.get("/console/login").await.expect(200);
    let (_, rest) = login.text.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let path = rest.split('"').next().unwrap().replace("&#x2f;", "/");
    let style = browser.get(&path).await.expect(200);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(style.header("x-content-type-options"), "nosniff");
    for other in ["/console/assets/console.css", "/console/assets/..%2f..%2fCargo.toml", "/console/assets/"] {
        browser.get(other).await.expect(404);
    }
}

#[actix_web::test]
async fn the_root_leads_a_browser_to_the_console_and_a_program_to_the_documentation() {
    let app = TestApp::start().await;
    let browser = Browser::new(&app);
    for (accept, place) in
        [("text/html,application/xhtml+xml,*/*;q=0.8", "/console"), ("*/*", "/docs"), ("application/json", "/docs")]
    {
        let answer = browser.send(browser.request(Method::GET, "/").header(ACCEPT, accept)).await;
        assert_eq!((answer.status, answer.header("location")), (302, place), "{accept}");
    }
    assert_eq!(browser.get("/console").await.leads_to(), "/console/login");
}
