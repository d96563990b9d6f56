-- What an integration may do: names of permissions. Empty for everybody else.
ALTER TABLE users ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes));
