-- How often signing in was tried in vain: for an account, whether there is one or not; for an account from where somebody has signed in to
-- it; and from a place. Like login_names it is across organizations: whoever signs in is nobody's yet. The key is a hash; what was typed
-- is kept nowhere.
CREATE TABLE sign_in_tries (
    key          BYTEA NOT NULL PRIMARY KEY,
    -- The account's key, of what is counted for it from one place.
    account      BYTEA,
    failures     INT4 NOT NULL,
    -- When the first of these failures was.
    since        TIMESTAMPTZ NOT NULL,
    waits_until  TIMESTAMPTZ,
    kept_until   TIMESTAMPTZ NOT NULL
);
-- What can be forgotten.
CREATE INDEX sign_in_tries_by_kept ON sign_in_tries (kept_until);
-- A new password opens an account wherever it was shut.
CREATE INDEX sign_in_tries_by_account ON sign_in_tries (account);
