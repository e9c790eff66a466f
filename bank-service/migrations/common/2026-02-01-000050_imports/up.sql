-- Who was taken over from another system, by the id that the customer had there.
CREATE TABLE imported_users (
    user_id BIGINT NOT NULL PRIMARY KEY,
    customer_id VARCHAR(64) NOT NULL,
    imported_on DATETIME(6) NOT NULL,
    CONSTRAINT imported_users_customer UNIQUE (customer_id),
    CONSTRAINT imported_users_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
