-- returned_at: since when the broker has given the event back, because no queue is bound for its type. unrouted_at: when that
-- had lasted long enough. Such a row is due at no time ('9000-01-01'), so that the index of what is due holds it at its end.
ALTER TABLE outbox ADD COLUMN returned_at DATETIME(6) NULL;
ALTER TABLE outbox ADD COLUMN unrouted_at DATETIME(6) NULL;
