-- The whole message of an event that holds a secret (a link, a code), sealed under SECRET_KEY; message then goes without it.
-- Null once the event is sent.
ALTER TABLE outbox ADD COLUMN sealed BLOB NULL;
