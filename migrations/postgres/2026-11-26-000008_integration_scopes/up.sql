SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
-- What an integration may do: names of permissions. Empty for everybody else.
ALTER TABLE users ADD COLUMN scopes JSONB NOT NULL DEFAULT '[]';
