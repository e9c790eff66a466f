//! `/console/mails`: deliveries and previews of email-service by its API.

use serde_json::json;

use super::services::mail;
use super::{MARKUP, assert_harmless, start};
use crate::console::browser::Browser;
use crate::harness::TestApp;
use crate::trace::dead_letter_stub::message;

#[actix_web::test]
async fn the_newest_mails_come_first_and_the_servers_answer_is_escaped() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mails = (1..=5).map(|id| mail(id, "failed", MARKUP));
    services.state.mails.lock().unwrap().extend(mails);
    let page = browser.get("/console/mails?state=failed").await.expect(200).text;
    assert_harmless(&page);
    assert!(page.contains("/console/mails/5\"") && !page.contains("/console/mails/4\""), "the last page: {page}");
    assert_eq!(services.last("/api/emails?").0, "/api/emails?state=failed&page_number=3&page_size=25");
    let page = browser.get("/console/mails?page=2").await.expect(200).text;
    let place = |id: i64| page.find(&format!("/console/mails/{id}\"")).unwrap();
    assert!(place(4) < place(3), "{page}");
    assert!(page.contains("rel=\"prev\"") && page.contains("rel=\"next\""), "{page}");
}

#[actix_web::test]
async fn a_mail_leads_to_its_event_and_a_missing_one_is_not_there() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    services.state.mails.lock().unwrap().push(mail(1, "rejected", MARKUP));
    let page = browser.get("/console/mails/1").await.expect(200).text;
    assert_harmless(&page);
    assert!(page.contains("/console/flow/01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12"), "{page}");
    for missing in ["2", "0", "x"] {
        browser.get(&format!("/console/mails/{missing}")).await.expect(404);
    }
}

#[actix_web::test]
async fn a_mail_leads_to_the_replay_of_its_dead_letter_unless_its_state_is_final() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let id = app.dead_letters.add("email-service", message("account.created", "{}")).await;
    let link = format!("/console/dead-letters/email-service/{id}");
    let states = [("sending", true), ("failed", true), ("rejected", false), ("sent", false)];
    for (number, (state, leads_to_replay)) in (1..).zip(states) {
        let mut mail = mail(number, state, "450 try later");
        mail["event_id"] = json!(id);
        services.state.mails.lock().unwrap().push(mail);
        let page = browser.get(&format!("/console/mails/{number}")).await.expect(200).text;
        assert_eq!(page.contains(&link), leads_to_replay, "{state}: {page}");
    }
    assert!(browser.get(&link).await.expect(200).text.contains("Replay: dry run"));
    let admin = app.admin().await;
    app.manager(&admin).await;
    let manager = Browser::of(&app, "manager@example.com").await;
    let page = manager.get("/console/mails/2").await.expect(200).text;
    assert!(!page.contains(&link), "dead letters are for administrators: {page}");
}

#[actix_web::test]
async fn the_page_of_a_mail_explains_in_each_state_whether_it_is_sent_again() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let states = [
        ("sending", "It is being sent."),
        ("failed", "It is tried again with its event."),
        ("rejected", "refused it for good, with the answer above, so it is not sent again, nor by a replay"),
        ("sent", "accepted it, so it is not sent again"),
    ];
    for (number, (state, sentence)) in (1..).zip(states) {
        services.state.mails.lock().unwrap().push(mail(number, state, "550 no such user"));
        let page = browser.get(&format!("/console/mails/{number}")).await.expect(200).text;
        assert!(page.contains(sentence) && page.contains("550 no such user"), "{state}: {page}");
    }
}

#[actix_web::test]
async fn a_preview_shows_the_html_part_in_a_frame_that_can_do_nothing() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let list = browser.get("/console/mails/templates").await.expect(200).text;
    assert!(list.contains("/console/mails/templates/verify-email"), "{list}");
    let page = browser.get("/console/mails/templates/verify-email").await.expect(200);
    assert!(page.header("content-security-policy").contains("frame-src 'self'"));
    assert!(page.text.contains("Subject of verify-email") && page.text.contains("sandbox=\"\""), "{}", page.text);
    assert_harmless(&page.text);

    let frame = browser.get("/console/mails/templates/verify-email/html").await.expect(200);
    let policy = frame.header("content-security-policy");
    assert!(policy.starts_with("sandbox; default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(frame.header("x-frame-options"), "SAMEORIGIN");
    browser.get("/console/mails/templates/none").await.expect(404);
}

#[actix_web::test]
async fn a_service_that_is_not_set_or_down_is_a_page_with_the_cause() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    services.set_down(true);
    for path in ["/console/mails", "/console/mails/1", "/console/mails/templates/test"] {
        let page = browser.get(path).await.expect(200).text;
        assert!(page.contains("email-service answers 503"), "{path}: {page}");
    }
    let app = TestApp::start().await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/mails").await.expect(200).text;
    assert!(page.contains("EMAIL_SERVICE_URL is not set"), "{page}");
}
