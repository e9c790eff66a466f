//! Verifying a telephone number, with the complete path of the text message.

use std::sync::Arc;
use std::time::Duration;

use bank_service::config::SmsOptions;
use bank_service::sealing::text_message;
use futures_util::future::join_all;
use serde_json::json;
use service_kit::config::Secret;
use service_kit::messaging::{DeadLetters, InProcessBroker};
use service_kit::telemetry::Metrics;
use shared_events::events::SmsRequested;
use stand_ins::sms::{FROM, Reply, SID, SmsStub, TOKEN};
use test_support::dead_letters::MemoryDeadLetters;

use crate::harness::{Answer, PASSWORD, Person, TestApp};

const NUMBER: &str = "+4915112345678";
const QUEUE: &str = "bank-service.sms";

struct Phones {
    app: TestApp,
    stub: SmsStub,
    broker: InProcessBroker,
    dead: Arc<MemoryDeadLetters>,
}

impl Phones {
    async fn start() -> Self {
        let stub = SmsStub::start();
        let options = SmsOptions {
            sms_base_url: Some(stub.base_url.clone()),
            sms_account_sid: Some(SID.to_owned()),
            sms_auth_token: Some(Secret::new(TOKEN)),
            sms_from: Some(FROM.to_owned()),
            ..SmsOptions::default()
        };
        let app = TestApp::start_with(|config| config.sms = options).await;
        let dead = Arc::new(MemoryDeadLetters::default());
        let (metrics, shutdown) = (Metrics::new(), app.shutdown.clone());
        let broker = InProcessBroker::with_clock(dead.clone(), metrics, shutdown, app.clock.clone());
        for (settings, consumer) in app.running.outgoing().unwrap() {
            broker.subscribe(settings, consumer).unwrap();
        }
        Self { app, stub, broker, dead }
    }

    /// Publishes the due events, and waits until they are settled.
    async fn deliver(&self) {
        self.app.running.relay(Arc::new(self.broker.clone())).drain().await.unwrap();
    }

    async fn ask(&self, person: &Person, number: &str) -> Answer {
        self.app.post(&person.token, "/auth/phone", json!({"phone": number})).await
    }

    async fn verify(&self, person: &Person, code: &str) -> Answer {
        self.app.post(&person.token, "/auth/phone/verify", json!({"code": code})).await
    }

    /// The code in the newest message to a number.
    #[track_caller]
    fn code_to(&self, number: &str) -> String {
        let taken = self.stub.taken();
        let (_, text) = taken.iter().rfind(|(to, _)| to == number).unwrap_or_else(|| panic!("nothing for {number}"));
        text.split(' ').next().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn how_many_text_messages_there_are_and_how_long_a_code_is_good_are_settings() {
    let app = TestApp::start_with(|config| {
        config.sms.sms_per_user_daily = 2;
        config.sms.sms_code_minutes = 2;
    })
    .await;
    let (ada, bob) = (app.verified_user("ada@example.com").await, app.verified_user("bob@example.com").await);
    let ask =
        async |person: &Person, number: &str| app.post(&person.token, "/auth/phone", json!({"phone": number})).await;
    ask(&ada, NUMBER).await.expect(202);
    app.clock.advance(Duration::from_mins(1));
    ask(&ada, "+4915112345679").await.expect(202);
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(ask(&ada, "+4915112345670").await.outcome(), (429, "too_many_requests"), "of one user");
    ask(&bob, NUMBER).await.expect(202);
    let requests: Vec<_> = app.events().await.iter().filter_map(|event| event.data::<SmsRequested>().ok()).collect();
    let SmsRequested(request) = requests.last().unwrap();
    let text = text_message::open(app.running.state.identity.vault(), request.user_id, &request.sealed).unwrap().text;
    assert!(text.contains("valid for 2 minutes"), "{text}");
    let code: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
    app.clock.advance(Duration::from_mins(2));
    let late = app.post(&bob.token, "/auth/phone/verify", json!({"code": code})).await;
    assert_eq!(late.status.as_u16(), 422, "{}", late.body);
}

#[actix_web::test]
async fn a_code_by_text_message_verifies_the_number_and_a_retry_is_answered_the_same() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    assert_eq!(phones.ask(&person, NUMBER).await.expect(202), json!({"msg": "a text message is on its way"}));
    let numbers_kept = async |text: &str| phones.app.holds(text).await;
    phones.deliver().await;
    let code = phones.code_to(NUMBER);
    assert!(!numbers_kept(&format!("{code} is your")).await, "the text lies in the database");
    let verified = phones.verify(&person, &format!(" {code} ")).await.expect(200);
    assert_eq!(verified, json!({"msg": "phone verified", "phone": NUMBER}));
    assert_eq!(phones.app.get(&person.token, "/auth/me").await.expect(200)["phone"], NUMBER);
    assert_eq!(phones.verify(&person, &code).await.expect(200), verified, "a lost answer");
    assert_eq!(phones.ask(&person, NUMBER).await.outcome(), (429, "too_many_requests"));
    phones.app.clock.advance(Duration::from_mins(1));
    phones.ask(&person, NUMBER).await.expect(202);
}

#[actix_web::test]
async fn a_change_of_the_password_voids_a_code_on_its_way() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    phones.ask(&person, NUMBER).await.expect(202);
    phones.deliver().await;
    let code = phones.code_to(NUMBER);
    let body = json!({"existing_password": PASSWORD, "new_password": "another horse, another staple"});
    phones.app.put(&person.token, "/auth/password", body).await.expect(200);
    assert_eq!(phones.verify(&person, &code).await.status.as_u16(), 422);
    phones.app.clock.advance(Duration::from_mins(1));
    phones.ask(&person, NUMBER).await.expect(202);
    phones.deliver().await;
    phones.verify(&person, &phones.code_to(NUMBER)).await.expect(200);
}

#[actix_web::test]
async fn a_number_needs_a_fresh_token_and_the_form_of_e164() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    for bad in ["", "015112345678", "+49 151", "+49151_12345678", "+1234567890123456"] {
        assert_eq!(phones.ask(&person, bad).await.outcome(), (422, "validation_failed"), "{bad:?}");
    }
    phones.app.clock.advance(Duration::from_secs(301));
    assert_eq!(phones.ask(&person, NUMBER).await.outcome(), (401, "fresh_token_required"));
    let anonymous = phones.app.post_anonymous("/auth/phone", json!({"phone": NUMBER})).await;
    assert_eq!(anonymous.outcome(), (401, "authorization_required"));
}

#[actix_web::test]
async fn one_number_is_one_users_also_if_two_verify_it_at_once() {
    let phones = Phones::start().await;
    let people = [phones.app.verified_user("a@example.com").await, phones.app.verified_user("b@example.com").await];
    let mut codes = Vec::new();
    for person in &people {
        phones.ask(person, NUMBER).await.expect(202);
        phones.deliver().await;
        codes.push(phones.code_to(NUMBER));
    }
    let answers = join_all((0..50).map(|n| phones.verify(&people[n % 2], &codes[n % 2]))).await;
    let of =
        |which: usize| answers.iter().skip(which).step_by(2).filter(|answer| answer.status.as_u16() == 200).count();
    assert!((of(0) == 0) != (of(1) == 0), "both have it, or nobody");
    assert!(answers.iter().all(|answer| [200, 409, 422].contains(&answer.status.as_u16())));
    assert_eq!(phones.app.sql_number("SELECT COUNT(*) FROM user_phones").await, 1);
}

#[actix_web::test]
async fn of_fifty_wrong_codes_five_are_counted() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    phones.ask(&person, NUMBER).await.expect(202);
    phones.deliver().await;
    let code = phones.code_to(NUMBER);
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let answers = join_all((0..50).map(|_| phones.verify(&person, wrong))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 422));
    assert_eq!(phones.verify(&person, &code).await.outcome(), (422, "validation_failed"));
    assert_eq!(phones.app.sql_number("SELECT attempts FROM one_time_secrets WHERE purpose = 'phone_code'").await, 5);
}

#[actix_web::test]
async fn a_provider_that_fails_for_a_while_gets_the_message_in_the_end() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    phones.stub.answer_with(&[Reply::Status(500), Reply::Status(429), Reply::Silence]);
    phones.ask(&person, NUMBER).await.expect(202);
    for _ in 0..4 {
        phones.deliver().await;
        phones.app.clock.advance(Duration::from_secs(61));
    }
    assert_eq!((phones.stub.requests(), phones.stub.taken().len()), (4, 1));
    phones.verify(&person, &phones.code_to(NUMBER)).await.expect(200);
    assert!(phones.dead.queues().await.unwrap().is_empty());
}

#[actix_web::test]
async fn what_a_provider_refuses_becomes_a_dead_letter_without_number_and_text() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    phones.stub.answer_with(&[Reply::Status(400)]);
    phones.ask(&person, NUMBER).await.expect(202);
    phones.deliver().await;
    let [dead_letter] = phones.dead.list(QUEUE, None, 10).await.unwrap().try_into().unwrap();
    let text = format!("{} {}", dead_letter.reason, String::from_utf8(dead_letter.message.body).unwrap());
    assert!(text.contains(r#""sealed":"""#) && text.contains("+49*********78") && !text.contains(NUMBER), "{text}");
    assert_eq!(
        phones
            .app
            .sql_number("SELECT COUNT(*) FROM outbox WHERE sealed IS NOT NULL AND event_type NOT LIKE 'email.%'")
            .await,
        0
    );
}

#[actix_web::test]
async fn a_message_that_waited_longer_than_its_code_lives_is_not_sent() {
    let phones = Phones::start().await;
    let person = phones.app.verified_user("a@example.com").await;
    phones.ask(&person, NUMBER).await.expect(202);
    phones.app.clock.advance(Duration::from_mins(10));
    phones.deliver().await;
    assert_eq!(phones.stub.requests(), 0);
}

#[actix_web::test]
async fn without_a_provider_messages_are_files_in_the_phone_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone");
    let app = TestApp::start_with(|config| config.sms.sms_folder = Some(path.clone())).await;
    let person = app.verified_user("a@example.com").await;
    let dead = Arc::new(MemoryDeadLetters::default());
    let broker = InProcessBroker::with_clock(dead, Metrics::new(), app.shutdown.clone(), app.clock.clone());
    for (settings, consumer) in app.running.outgoing().unwrap() {
        broker.subscribe(settings, consumer).unwrap();
    }
    app.post(&person.token, "/auth/phone", json!({"phone": NUMBER})).await.expect(202);
    app.running.relay(Arc::new(broker)).drain().await.unwrap();
    let [file] = std::fs::read_dir(&path).unwrap().collect::<Vec<_>>().try_into().unwrap();
    let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
    let code = text.strip_prefix(&format!("To: {NUMBER}\n\n")).unwrap().split(' ').next().unwrap();
    app.post(&person.token, "/auth/phone/verify", json!({"code": code})).await.expect(200);
}
