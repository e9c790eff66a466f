-- A name that a bank or a client (kind) had until it was renamed or deleted. The name of today is in its own table, so banks and
-- clients that the release before makes need no row here. Rows outlive the party, so nothing refers to that.
CREATE TABLE former_names (
    kind VARCHAR(16) NOT NULL,
    party_id BIGINT NOT NULL,
    valid_until DATETIME(6) NOT NULL,
    name VARCHAR(400) NOT NULL,
    PRIMARY KEY (kind, party_id, valid_until)
);
