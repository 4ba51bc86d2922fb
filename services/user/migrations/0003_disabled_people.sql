-- People who may not come in, as auth has told. A table of its own, for the news may be here before
-- the profile is.
CREATE TABLE disabled_people (
  id TEXT PRIMARY KEY,
  disabled_at INTEGER NOT NULL
) WITHOUT ROWID;
