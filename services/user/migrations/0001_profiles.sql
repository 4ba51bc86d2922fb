CREATE TABLE profiles (
  id TEXT PRIMARY KEY,
  -- Learned from auth; empty in a tombstone.
  name TEXT NOT NULL,
  headline TEXT,
  bio TEXT,
  avatar_url TEXT,
  locale TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- The account was about to be closed: whether it is, only auth knows.
  closing_at INTEGER,
  -- A tombstone: the row stays so that nobody learns the profile again.
  erased_at INTEGER
);
