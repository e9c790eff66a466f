//! One-time secrets under fifty parallel callers.

use std::time::Duration;

use bank_service::domain::one_time::Purpose;
use bank_service::identity::one_time::secret::{Code, LinkSecret};
use bank_service::identity::one_time::{self, CodeTry, Guesses};
use bank_service::store::one_time_secrets::{self, NewSecret};
use bank_service::store::{Ctx, Db, Outcome, StoreError};
use futures_util::future::join_all;
use shared_events::UserId;

use crate::harness::TestApp;

const AT_ONCE: usize = 50;
const NUMBER: &str = "+4915112345678";

async fn app_with_user() -> (TestApp, UserId) {
    let app = TestApp::start().await;
    let user = UserId::try_new(app.user("a@example.com").await.id).unwrap();
    (app, user)
}

/// Runs one transaction.
async fn write<T: Send + 'static>(
    app: &TestApp,
    f: impl Fn(&mut Db, &Ctx) -> Result<T, StoreError> + Send + Sync + 'static,
) -> T {
    let state = &app.running.state;
    state.store.write(&state.ctx_anonymous(), move |db, ctx| f(db, ctx).map(Outcome::new)).await.unwrap()
}

/// Issues a code; false if it is too early.
async fn give_out(app: &TestApp, user: UserId, code: &Code) -> bool {
    let state = &app.running.state;
    let hash = code.hash(state.identity.vault(), Purpose::PhoneCode, user, NUMBER);
    let new = NewSecret {
        purpose: Purpose::PhoneCode,
        user_id: Some(user),
        subject: NUMBER.to_owned(),
        hash,
        session_id: None,
        lifetime: Purpose::PhoneCode.lifetime(),
    };
    write(app, move |db, ctx| one_time::issue(db, ctx, &new)).await.is_ok()
}

/// Whether the code was right.
async fn try_code(app: &TestApp, user: UserId, code: &str) -> bool {
    try_code_from(app, "192.0.2.1", Some(user), code).await
}

async fn try_code_from(app: &TestApp, address: &str, user: Option<UserId>, code: &str) -> bool {
    let state = &app.running.state;
    let guesses = Guesses::new(state.identity.shared_vault(), address.parse().unwrap());
    let code = Code::parse(code).unwrap();
    let tried = write(app, move |db, ctx| one_time::try_code(db, ctx, &guesses, Purpose::PhoneCode, user, &code)).await;
    matches!(tried, CodeTry::Right { subject } if subject == NUMBER)
}

/// A code unlike all others.
fn code() -> Code {
    Code::parse("555555").unwrap()
}

#[actix_web::test]
async fn of_fifty_right_answers_at_once_one_counts() {
    let (app, user) = app_with_user().await;
    assert!(give_out(&app, user, &code()).await);
    let attempts = join_all((0..AT_ONCE).map(|_| try_code(&app, user, "555555"))).await;
    assert_eq!(attempts.iter().filter(|right| **right).count(), 1);
    assert!(!try_code(&app, user, "555555").await);
}

#[actix_web::test]
async fn of_fifty_wrong_answers_at_once_five_are_counted_and_the_right_one_comes_too_late() {
    let (app, user) = app_with_user().await;
    assert!(give_out(&app, user, &code()).await);
    let wrong: Vec<String> = (0..AT_ONCE).map(|n| format!("{n:06}")).collect();
    let attempts = join_all(wrong.iter().map(|code| try_code(&app, user, code))).await;
    assert!(attempts.iter().all(|right| !right));
    assert!(!try_code(&app, user, "555555").await);
    let counted = app.sql_number("SELECT attempts FROM one_time_secrets WHERE purpose = 'phone_code'").await;
    assert_eq!(counted, 5);
}

#[actix_web::test]
async fn four_wrong_answers_leave_room_for_the_right_one() {
    let (app, user) = app_with_user().await;
    assert!(give_out(&app, user, &code()).await);
    for wrong in ["000000", "111111", "222222", "333333"] {
        assert!(!try_code(&app, user, wrong).await);
    }
    assert!(try_code(&app, user, "555 555").await);
}

#[actix_web::test]
async fn of_fifty_requests_for_a_code_at_once_one_is_met_and_the_next_after_a_minute() {
    let (app, user) = app_with_user().await;
    let given = join_all((0..AT_ONCE).map(|_| async { give_out(&app, user, &Code::generate()).await })).await;
    assert_eq!(given.iter().filter(|given| **given).count(), 1);
    app.clock.advance(Duration::from_secs(59));
    assert!(!give_out(&app, user, &code()).await);
    app.clock.advance(Duration::from_secs(1));
    let given = join_all((0..AT_ONCE).map(|_| async { give_out(&app, user, &code()).await })).await;
    assert_eq!(given.iter().filter(|given| **given).count(), 1);
    assert!(try_code(&app, user, "555555").await);
}

#[actix_web::test]
async fn a_code_is_void_after_ten_minutes_or_on_demand() {
    let (app, user) = app_with_user().await;
    assert!(give_out(&app, user, &code()).await);
    app.clock.advance(Duration::from_mins(10));
    assert!(!try_code(&app, user, "555555").await);
    assert!(give_out(&app, user, &code()).await);
    assert_eq!(write(&app, move |db, ctx| one_time::void(db, ctx, user, &[Purpose::PhoneCode])).await, 1);
    assert!(!try_code(&app, user, "555555").await);
}

#[actix_web::test]
async fn of_fifty_who_open_a_link_at_once_one_succeeds_and_expired_secrets_are_removed() {
    let (app, user) = app_with_user().await;
    let link = LinkSecret::generate();
    let hash = link.hash(Purpose::Invitation);
    let subject = "a@example.com".to_owned();
    let new = NewSecret {
        purpose: Purpose::Invitation,
        user_id: Some(user),
        subject,
        hash: hash.clone(),
        session_id: None,
        lifetime: Purpose::Invitation.lifetime(),
    };
    assert!(write(&app, move |db, ctx| one_time::issue(db, ctx, &new)).await.is_ok());
    let redeem = || async {
        let hash = hash.clone();
        let live = write(&app, move |db, ctx| one_time::redeem_link(db, ctx, Purpose::Invitation, &hash)).await;
        live.is_some_and(|live| live.user_id == Some(user))
    };
    let opened = join_all((0..AT_ONCE).map(|_| redeem())).await;
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    assert!(!app.holds(link.expose()).await);
    app.clock.advance(Duration::from_hours(9 * 24));
    assert!(write(&app, one_time_secrets::sweep).await >= 1);
}

/// A /48 holds 256 networks, each of which has twenty guesses of its own.
#[actix_web::test]
async fn two_hundred_wrong_codes_an_hour_from_a_site_end_the_guesses_of_all_its_networks() {
    let (app, user) = app_with_user().await;
    let wrong = async |n: u32| {
        let address = format!("2001:db8:1:{:x}::1", (n / 20) * 256 + n % 20);
        assert!(!try_code_from(&app, &address, None, "000000").await);
    };
    for n in 0..199 {
        wrong(n).await;
    }
    let (unused_network, other_site) = ("2001:db8:1:ff00::1", "2001:db8:2::1");
    assert!(give_out(&app, user, &code()).await);
    assert!(try_code_from(&app, unused_network, Some(user), "555555").await, "one guess is left");
    app.clock.advance(Duration::from_secs(61));
    assert!(give_out(&app, user, &code()).await);
    wrong(199).await;
    assert!(!try_code_from(&app, unused_network, Some(user), "555555").await, "not even the right one");
    assert!(try_code_from(&app, other_site, Some(user), "555555").await);
}
