-- What operators did with dead letters: an audit trail, and the reason why a discarded event is not missed.
CREATE TABLE dead_letter_actions (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    event_id VARCHAR(36) NOT NULL,
    queue VARCHAR(100) NOT NULL,
    action VARCHAR(20) NOT NULL,
    user_id BIGINT NULL,
    acted_at DATETIME(6) NOT NULL
);
CREATE INDEX dead_letter_actions_event ON dead_letter_actions (event_id);
