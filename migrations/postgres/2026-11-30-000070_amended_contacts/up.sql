SET LOCAL lock_timeout TO '10s';
-- An amendment may correct when a contact was and how it went. `corrected` holds the new values of what it changed, `replaced` the values
-- before it; the row of the note holds the values that are valid now.
ALTER TABLE note_amendments ADD COLUMN corrected JSONB, ADD COLUMN replaced JSONB;
