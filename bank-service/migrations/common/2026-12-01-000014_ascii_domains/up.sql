-- Addresses are compared with their domain in ASCII. The program converts the rows one by one before this mark is set; a row whose
-- address is another user's by now stays as it is, and is listed. No row has this id.
UPDATE users SET email = email WHERE id = 0;
