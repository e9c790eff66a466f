DROP INDEX refresh_tokens_answer;
