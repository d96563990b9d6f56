SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- The token that came after the one that was spent last, encrypted with a key that only the spent token gives.
ALTER TABLE refresh_tokens ADD COLUMN successor BYTEA;
