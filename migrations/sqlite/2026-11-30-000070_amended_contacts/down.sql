ALTER TABLE note_amendments DROP COLUMN replaced;
ALTER TABLE note_amendments DROP COLUMN corrected;
