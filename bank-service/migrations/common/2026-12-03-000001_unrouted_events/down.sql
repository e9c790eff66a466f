UPDATE outbox SET due_at = created_at WHERE due_at >= '9000-01-01 00:00:00';
ALTER TABLE outbox DROP COLUMN unrouted_at;
ALTER TABLE outbox DROP COLUMN returned_at;
