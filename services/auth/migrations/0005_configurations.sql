-- Every version of the central configuration; the highest is in force, and Redis has a copy of it.
CREATE TABLE configurations (
  version INTEGER PRIMARY KEY,
  document TEXT NOT NULL,
  -- Dotted paths of what differs from the version before, as JSON.
  changed TEXT NOT NULL,
  author_id TEXT NOT NULL,
  comment TEXT,
  created_at INTEGER NOT NULL,
  pushed INTEGER NOT NULL DEFAULT 0
);
