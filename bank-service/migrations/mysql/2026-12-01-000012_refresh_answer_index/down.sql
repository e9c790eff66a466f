DROP INDEX refresh_tokens_answer ON refresh_tokens;
