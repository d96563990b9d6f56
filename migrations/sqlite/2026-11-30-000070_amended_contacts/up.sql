-- An amendment may correct when a contact was and how it went. `corrected` holds the new values of what it changed, `replaced` the values
-- before it; the row of the note holds the values that are valid now.
ALTER TABLE note_amendments ADD COLUMN corrected TEXT CHECK (json_valid(corrected));
ALTER TABLE note_amendments ADD COLUMN replaced TEXT CHECK (json_valid(replaced));
