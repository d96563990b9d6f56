-- How often signing in was tried in vain: for an account, whether there is one or not; for an account from where somebody has signed in to
-- it; and from a place. Like login_names it is across
-- organizations: whoever signs in is nobody's yet. The key is a hash; what was typed is kept nowhere.
CREATE TABLE sign_in_tries (
    key          BYTEA NOT NULL PRIMARY KEY,
    failures     INT4 NOT NULL,
    last_at      TIMESTAMPTZ NOT NULL,
    waits_until  TIMESTAMPTZ,
    kept_until   TIMESTAMPTZ NOT NULL
);
-- What can be forgotten.
CREATE INDEX sign_in_tries_by_kept ON sign_in_tries (kept_until);
