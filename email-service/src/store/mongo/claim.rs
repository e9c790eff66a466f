//! Claims on mails: records are made once, claimed by one replica at a time, and settled by the sender.

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::ReturnDocument;

use super::record::{Record, unreadable};
use super::{MongoStore, driver_error};
use crate::domain::{Delivery, DeliveryId, EmailAddress, MessageId, State, assign_message_ids};
use crate::store::{Begun, MAX_RECIPIENTS, Planned, Settled, StoreError};

/// The retries of reading one event's records when another replica makes them at the same time.
const MAX_RACES: usize = 5;
const DUPLICATE_KEY: i32 = 11_000;

/// The known records of one event.
struct EventRecords {
    known: Vec<Delivery>,
    /// Those that were just made, and claimed by this replica.
    made: Vec<Delivery>,
}

impl MongoStore {
    pub(super) async fn begin_all(&self, planned: &Planned, now: i64) -> Result<Vec<Begun>, StoreError> {
        let EventRecords { known, made } = self.complete(planned, now).await?;
        let mut begun = Vec::with_capacity(planned.recipients.len());
        for recipient in planned.recipients.iter().take(MAX_RECIPIENTS) {
            let is_theirs = |delivery: &&Delivery| delivery.recipient.same_mailbox(recipient);
            begun.push(match (made.iter().find(is_theirs), known.iter().find(is_theirs)) {
                (Some(made), _) => Begun::ToSend(made.clone()),
                (None, Some(known)) => self.claim(known, now).await?,
                (None, None) => return Err(unreadable("a record has vanished")),
            });
        }
        Ok(begun)
    }

    /// All records of the event, after the missing ones were made.
    async fn complete(&self, planned: &Planned, now: i64) -> Result<EventRecords, StoreError> {
        let mut made = Vec::new();
        for _ in 0..MAX_RACES {
            let known = self.of_event(&planned.event_id.to_string()).await?;
            let missing = self.missing(planned, &known, now).await?;
            let mut lost = false;
            for one in join_all(missing.into_iter().map(|record| self.make(record))).await {
                match one {
                    Ok(delivery) => made.push(delivery),
                    // Another replica was quicker: its record counts.
                    Err(error) if is_duplicate(&error) => lost = true,
                    Err(error) => return Err(error),
                }
            }
            if !lost {
                return Ok(EventRecords { known, made });
            }
        }
        Err(StoreError::Slow)
    }

    /// Makes a record that this replica has claimed from the beginning: one write, where an insert could not set the claim's end
    /// by the server's clock.
    async fn make(&self, record: Record) -> Result<Delivery, StoreError> {
        let literal = mongodb::bson::serialize_to_document(&record).map_err(unreadable)?;
        let claim = doc! { "claim": &self.replica, "claimed_until": self.claimed_until() };
        let made = doc! { "$replaceWith": { "$mergeObjects": [{ "$literal": literal }, claim] } };
        // If another mail has this number already, the key is taken, and nothing is replaced.
        let own = doc! { "_id": record.row.id, "event_id": &record.row.event_id, "mailbox": &record.mailbox };
        self.deliveries.update_one(own, vec![made]).upsert(true).await?;
        record.try_into()
    }

    fn claimed_until(&self) -> Document {
        let lease = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease] }
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
        let numbers = self.numbers.take(&self.counters, new.len()).await?;
        let numbered = new.into_iter().zip(numbers);
        Ok(numbered.map(|((to, message_id), id)| Record::new(id, planned, to, &message_id, now)).collect())
    }

    /// Claims a record that is not settled and not claimed by another replica. A claim of this replica's own is taken over at
    /// once: its holder was interrupted, or this call would still wait for the event's lock.
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
        let claimed = doc! { "$set": {
            "state": State::Sending.as_str(),
            "attempts": { "$add": ["$attempts", 1] },
            "updated_at": now,
            "claim": &self.replica,
            "claimed_until": self.claimed_until(),
        } };
        let claiming = self.deliveries.find_one_and_update(filter, vec![claimed]);
        if let Some(record) = claiming.return_document(ReturnDocument::After).await? {
            return Ok(Begun::ToSend(record.try_into()?));
        }
        let current = self.find_one(delivery.id).await?.ok_or_else(|| unreadable("a record has vanished"))?;
        Ok(if current.state.is_final() { Begun::Settled(current) } else { Begun::Elsewhere(current) })
    }

    /// An acceptance is recorded even if the claim has expired meanwhile: the mail is out. Any other result is then up to the
    /// new holder. Returns the record's present state.
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

/// Whether a unique key was violated.
fn is_duplicate(error: &StoreError) -> bool {
    let kind = driver_error(error).map(|error| error.kind.as_ref());
    matches!(kind, Some(ErrorKind::Write(WriteFailure::WriteError(one))) if one.code == DUPLICATE_KEY)
}
