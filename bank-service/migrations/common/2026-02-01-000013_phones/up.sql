-- The telephone number that a user has proved: one number, one user.
CREATE TABLE user_phones (
    user_id BIGINT NOT NULL PRIMARY KEY,
    number VARCHAR(16) NOT NULL,
    verified_at DATETIME(6) NOT NULL,
    CONSTRAINT user_phones_number UNIQUE (number),
    CONSTRAINT user_phones_user FOREIGN KEY (user_id) REFERENCES users (id)
);
