-- Which SECRET_KEY the sealed values of this database are under: one row, by a keyed hash, which names the key and opens nothing.
-- development: it is a short or an example key, which no other environment takes.
CREATE TABLE vault_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    fingerprint VARCHAR(64) NOT NULL,
    development BOOLEAN NOT NULL,
    since DATETIME(6) NOT NULL
);
