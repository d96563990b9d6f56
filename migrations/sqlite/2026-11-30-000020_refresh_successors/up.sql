-- The token that came after the one that was spent last, encrypted with a key that only the spent token gives.
ALTER TABLE refresh_tokens ADD COLUMN successor BLOB;
