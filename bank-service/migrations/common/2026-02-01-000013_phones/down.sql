DROP TABLE user_phones;
