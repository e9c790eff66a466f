-- The answers whose half minute is over.
CREATE INDEX refresh_tokens_answer ON refresh_tokens (answer_until);
