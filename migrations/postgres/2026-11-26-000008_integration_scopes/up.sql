-- What an integration may do: names of permissions. Empty for everybody else.
ALTER TABLE users ADD COLUMN scopes JSONB NOT NULL DEFAULT '[]';
