-- The durable log of the revocation list in Redis. `value` is 1, or of a subject the lowest version
-- that is still valid.
CREATE TABLE revocations (
  level TEXT NOT NULL CHECK (level IN ('token', 'login', 'subject', 'key')),
  id TEXT NOT NULL,
  value INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  pushed INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (level, id)
);
CREATE INDEX revocations_to_push ON revocations (level, id) WHERE pushed = 0;
CREATE INDEX revocations_to_push_in_order ON revocations (position) WHERE pushed = 0;
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- The end of the log. Redis stores the same of its copy, so that a copy which was restored to an
-- older state is not taken for a complete list.
CREATE TABLE revocation_log (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  identity TEXT NOT NULL,
  position INTEGER NOT NULL
);
INSERT INTO revocation_log (id, identity, position) VALUES (1, lower(hex(randomblob(16))), 1);

-- Triggers, so that no statement can log a revocation without a position. Every statement that logs
-- one sets `pushed` to 0; the one that marks it as pushed moves nothing.
CREATE TRIGGER revocations_logged AFTER INSERT ON revocations BEGIN
  UPDATE revocation_log SET position = position + 1;
  UPDATE revocations SET position = (SELECT position FROM revocation_log)
    WHERE level = NEW.level AND id = NEW.id;
END;
CREATE TRIGGER revocations_logged_again AFTER UPDATE OF pushed ON revocations WHEN NEW.pushed = 0
BEGIN
  UPDATE revocation_log SET position = position + 1;
  UPDATE revocations SET position = (SELECT position FROM revocation_log)
    WHERE level = NEW.level AND id = NEW.id;
END;

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

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  what TEXT NOT NULL
);
CREATE INDEX audit_by_target ON audit (target_id, id);
