//! Who sends a mail: records are made once, claimed by one replica at a time, and settled by whoever sent.

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ReturnDocument;

use super::MongoStore;
use super::record::{Record, unreadable};
use crate::domain::{Delivery, DeliveryId, EmailAddress, MessageId, State, assign_message_ids};
use crate::store::{Begun, MAX_RECIPIENTS, Planned, Settled, StoreError};

/// How often the records of one event are read again because another replica was making them at the same time.
const MAX_RACES: usize = 5;
const DUPLICATE_KEY: i32 = 11_000;

impl MongoStore {
    pub(super) async fn begin_all(&self, planned: &Planned, now: i64) -> Result<Vec<Begun>, StoreError> {
        let known = self.complete(planned, now).await?;
        let mut begun = Vec::with_capacity(planned.recipients.len());
        for recipient in planned.recipients.iter().take(MAX_RECIPIENTS) {
            let delivery = known.iter().find(|delivery| delivery.recipient.same_mailbox(recipient));
            let delivery = delivery.ok_or_else(|| unreadable("a record has vanished"))?;
            begun.push(self.claim(delivery, now).await?);
        }
        Ok(begun)
    }

    /// All records of the event, after those that were missing have been made.
    async fn complete(&self, planned: &Planned, now: i64) -> Result<Vec<Delivery>, StoreError> {
        for _ in 0..MAX_RACES {
            let mut known = self.of_event(&planned.event_id.to_string()).await?;
            let missing = self.missing(planned, &known, now).await?;
            if missing.is_empty() {
                return Ok(known);
            }
            match self.deliveries.insert_many(&missing).ordered(false).await {
                Ok(_) => {
                    for record in missing {
                        known.push(record.try_into()?);
                    }
                    return Ok(known);
                }
                // Another replica was quicker: what it made counts.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Slow)
    }

    async fn of_event(&self, event_id: &str) -> Result<Vec<Delivery>, StoreError> {
        use futures_util::TryStreamExt;
        let found = self.deliveries.find(doc! { "event_id": event_id }).sort(doc! { "_id": 1 }).await?;
        let records: Vec<Record> = found.try_collect().await?;
        records.into_iter().map(Delivery::try_from).collect()
    }

    async fn missing(&self, planned: &Planned, known: &[Delivery], now: i64) -> Result<Vec<Record>, StoreError> {
        let taken: Vec<(EmailAddress, MessageId)> =
            known.iter().map(|delivery| (delivery.recipient.clone(), delivery.message_id.clone())).collect();
        let ids = assign_message_ids(planned.event_id, &planned.message_id_domain, &planned.recipients, &taken)
            .map_err(unreadable)?;
        let is_new = |recipient: &EmailAddress| !known.iter().any(|one| one.recipient.same_mailbox(recipient));
        let new: Vec<(&EmailAddress, MessageId)> = planned
            .recipients
            .iter()
            .take(MAX_RECIPIENTS)
            .zip(ids)
            .filter(|(recipient, _)| is_new(recipient))
            .collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.reserve(i64::try_from(new.len()).unwrap_or(i64::MAX)).await?;
        let numbered = new.into_iter().zip(first..);
        Ok(numbered.map(|((to, message_id), id)| Record::new(id, planned, to, &message_id, now)).collect())
    }

    /// The first of so many numbers that nobody else gets.
    async fn reserve(&self, count: i64) -> Result<i64, StoreError> {
        let counting =
            self.counters.find_one_and_update(doc! { "_id": "deliveries" }, doc! { "$inc": { "value": count } });
        let counter = counting.upsert(true).return_document(ReturnDocument::After).await?;
        let last = counter.ok_or_else(|| unreadable("no counter"))?.value;
        Ok(last - count + 1)
    }

    /// Claims a record that is not settled and in nobody else's hands. A claim of this replica's own is taken over at once:
    /// whoever held it here has been cut off, or this one would still wait for the event's lock.
    async fn claim(&self, delivery: &Delivery, now: i64) -> Result<Begun, StoreError> {
        if delivery.state.is_final() {
            return Ok(Begun::Settled(delivery.clone()));
        }
        let mut filter = unsettled(delivery.id);
        filter.insert(
            "$or",
            [
                doc! { "claim": &self.replica },
                doc! { "claimed_until": null },
                doc! { "$expr": { "$lte": ["$claimed_until", "$$NOW"] } },
            ]
            .as_slice(),
        );
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let claimed = doc! { "$set": {
            "state": State::Sending.as_str(),
            "attempts": { "$add": ["$attempts", 1] },
            "updated_at": now,
            "claim": &self.replica,
            "claimed_until": { "$add": ["$$NOW", lease] },
        } };
        let claiming = self.deliveries.find_one_and_update(filter, vec![claimed]);
        if let Some(record) = claiming.return_document(ReturnDocument::After).await? {
            return Ok(Begun::ToSend(record.try_into()?));
        }
        let current = self.find_one(delivery.id).await?.ok_or_else(|| unreadable("a record has vanished"))?;
        Ok(if current.state.is_final() { Begun::Settled(current) } else { Begun::Elsewhere(current) })
    }

    /// An acceptance is recorded even if the claim has run out meanwhile: the mail is out. Anything else is then the new
    /// holder's to say. Answers the record as it stands.
    pub(super) async fn settle_one(&self, settled: &Settled, now: i64) -> Result<Delivery, StoreError> {
        let mut filter = unsettled(settled.id);
        if settled.state != State::Sent {
            filter.insert("claim", &self.replica);
        }
        let update = doc! {
            "$set": { "state": settled.state.as_str(), "answer": &settled.answer, "updated_at": now },
            "$inc": { "attempts": -i32::from(!settled.counts) },
            "$unset": { "claim": "", "claimed_until": "" },
        };
        let settling = self.deliveries.find_one_and_update(filter, update).return_document(ReturnDocument::After);
        if let Some(record) = settling.await? {
            return record.try_into();
        }
        self.find_one(settled.id).await?.ok_or_else(|| unreadable("a record has vanished"))
    }

    pub(super) async fn find_one(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let record = self.deliveries.find_one(doc! { "_id": id.get() }).await?;
        record.map(Delivery::try_from).transpose()
    }
}

fn unsettled(id: DeliveryId) -> Document {
    doc! { "_id": id.get(), "state": { "$nin": [State::Sent.as_str(), State::Rejected.as_str()] } }
}

/// Whether nothing but unique keys stood in the way.
fn is_duplicate(error: &Error) -> bool {
    let ErrorKind::InsertMany(many) = error.kind.as_ref() else { return false };
    let errors = many.write_errors.as_deref().unwrap_or_default();
    many.write_concern_error.is_none() && !errors.is_empty() && errors.iter().all(|one| one.code == DUPLICATE_KEY)
}
