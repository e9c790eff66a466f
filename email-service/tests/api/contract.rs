//! The promises of every store of delivery records.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use email_service::domain::{Delivery, DeliveryId, State};
use email_service::store::{Begun, DeliveryStore, Part, Planned, Selection, Settled};
use shared_events::{EventId, date};

pub(crate) type Store = Arc<dyn DeliveryStore>;

/// One test for each promise. `$open` returns a folder, which may be a database's name, and the store in it.
#[macro_export]
macro_rules! store_contract {
    ($open:expr) => {
        $crate::store_contract!($open; a_record_is_sent_once, an_outage_takes_its_attempt_back,
            a_failed_mail_is_sent_again_under_its_id, a_mailbox_is_the_same_in_any_case,
            a_new_recipient_gets_an_id_of_its_own, records_are_listed_by_page_cursor_and_filter,
            old_records_are_removed_in_batches, many_events_at_once_have_numbers_of_their_own);
    };
    ($open:expr; $($name:ident),*) => { $(
        #[actix_rt::test]
        async fn $name() {
            let (_folder, store) = $open.await;
            $crate::contract::$name(store).await;
        }
    )* };
}

pub(crate) fn now() -> DateTime<Utc> {
    date::parse("2025-01-16T17:10:30").unwrap()
}

pub(crate) fn planned(number: u32, recipients: &[&str]) -> Planned {
    Planned {
        event_id: EventId::from_content("a.created", &number.to_be_bytes()),
        event_type: format!("type{}.created", number % 2),
        recipients: recipients.iter().map(|one| one.parse().unwrap()).collect(),
        message_id_domain: "bank.localhost".to_owned(),
    }
}

pub(crate) fn settled(delivery: &Delivery, state: State) -> Settled {
    Settled { id: delivery.id, state, answer: "250 ok".to_owned(), counts: true }
}

/// The only recipient's record, to be sent.
pub(crate) async fn begin(store: &dyn DeliveryStore, number: u32) -> Delivery {
    match store.begin(planned(number, &["a@b.example"]), now()).await.unwrap().remove(0) {
        Begun::ToSend(delivery) => delivery,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_record_is_sent_once(store: Store) {
    for (number, state) in [(1, State::Sent), (2, State::Rejected)] {
        let delivery = begin(&*store, number).await;
        assert_eq!((delivery.state, delivery.attempts, delivery.created_at), (State::Sending, 1, now()));
        let later = now() + Duration::microseconds(1);
        let done = store.settle(settled(&delivery, state), later).await.unwrap();
        assert_eq!((done.state, done.answer.as_deref(), done.updated_at), (state, Some("250 ok"), later));
        let again = store.begin(planned(number, &["a@b.example"]), now()).await.unwrap();
        assert_eq!(again, [Begun::Settled(done.clone())]);
        assert_eq!(store.find(done.id).await.unwrap(), Some(done));
    }
    store.probe().await.unwrap();
}

pub(crate) async fn an_outage_takes_its_attempt_back(store: Store) {
    for _ in 0..3 {
        let delivery = begin(&*store, 1).await;
        assert_eq!(delivery.attempts, 1);
        let unavailable = Settled { counts: false, ..settled(&delivery, State::Failed) };
        assert_eq!(store.settle(unavailable, now()).await.unwrap().attempts, 0);
    }
}

pub(crate) async fn a_failed_mail_is_sent_again_under_its_id(store: Store) {
    let first = begin(&*store, 1).await;
    let failed = store.settle(settled(&first, State::Failed), now()).await.unwrap();
    assert_eq!((failed.state, failed.attempts), (State::Failed, 1));
    let second = begin(&*store, 1).await;
    assert_eq!((second.state, second.attempts, second.id), (State::Sending, 2, first.id));
    assert_eq!(second.message_id, first.message_id);
    // The holder was interrupted: the same process may continue at once.
    assert_eq!(begin(&*store, 1).await.attempts, 3);
}

pub(crate) async fn a_mailbox_is_the_same_in_any_case(store: Store) {
    let first = begin(&*store, 1).await;
    let begun = store.begin(planned(1, &["A@B.example"]), now()).await.unwrap();
    let [Begun::ToSend(other)] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!(other.id, first.id);
}

pub(crate) async fn a_new_recipient_gets_an_id_of_its_own(store: Store) {
    let first = begin(&*store, 1).await;
    store.settle(settled(&first, State::Sent), now()).await.unwrap();
    let begun = store.begin(planned(1, &["new@b.example", "a@b.example"]), now()).await.unwrap();
    let [Begun::ToSend(new), Begun::Settled(old)] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!(old.message_id, first.message_id);
    assert_ne!(new.message_id, first.message_id);
}

pub(crate) async fn records_are_listed_by_page_cursor_and_filter(store: Store) {
    for number in 0..10 {
        let delivery = begin(&*store, number).await;
        if number < 3 {
            store.settle(settled(&delivery, State::Sent), now()).await.unwrap();
        }
    }
    let all = store.list(Selection::default(), Part::Page { offset: 0, size: 100 }).await.unwrap();
    assert_eq!((all.total, all.deliveries.len()), (Some(10), 10));
    let ids: Vec<_> = all.deliveries.iter().map(|one| one.id).collect();
    assert!(ids.is_sorted());
    let page = store.list(Selection::default(), Part::Page { offset: 8, size: 5 }).await.unwrap();
    assert_eq!((page.total, page.deliveries.len()), (Some(10), 2));
    let after = store.list(Selection::default(), Part::After { id: ids[4].get(), size: 3 }).await.unwrap();
    assert_eq!((after.total, after.deliveries[0].id, after.deliveries.len()), (None, ids[5], 3));
    let sent = Selection { state: Some(State::Sent), ..Selection::default() };
    assert_eq!(store.list(sent, Part::Page { offset: 0, size: 2 }).await.unwrap().total, Some(3));
    let odd = Selection { event_type: Some("type1.created".to_owned()), ..Selection::default() };
    assert_eq!(store.list(odd, Part::Page { offset: 0, size: 2 }).await.unwrap().total, Some(5));
    let one = Selection { event_id: Some(planned(4, &[]).event_id), ..Selection::default() };
    assert_eq!(store.list(one, Part::After { id: 0, size: 5 }).await.unwrap().deliveries.len(), 1);
    assert_eq!(store.find(DeliveryId::try_new(i64::MAX).unwrap()).await.unwrap(), None);
}

pub(crate) async fn old_records_are_removed_in_batches(store: Store) {
    for number in 0..5 {
        store.begin(planned(number, &["a@b.example"]), now() + Duration::seconds(number.into())).await.unwrap();
    }
    let time = now() + Duration::seconds(3);
    assert_eq!(store.remove_before(time, 2).await.unwrap(), 2);
    assert_eq!(store.remove_before(time, 2).await.unwrap(), 1);
    assert_eq!(store.remove_before(time, 2).await.unwrap(), 0);
    let left = store.list(Selection::default(), Part::Page { offset: 0, size: 9 }).await.unwrap();
    assert_eq!(left.total, Some(2));
}

pub(crate) async fn many_events_at_once_have_numbers_of_their_own(store: Store) {
    let store = &store;
    let all = futures_util::future::join_all((0..40).map(|number| begin(&**store, number))).await;
    assert_eq!(all.iter().map(|one| one.id).collect::<BTreeSet<_>>().len(), 40);
}
