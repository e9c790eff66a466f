DROP TABLE social_logins;
