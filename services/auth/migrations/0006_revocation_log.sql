-- How far the durable log has come. Redis keeps the same of its copy, so that a copy which was put
-- back to an older state does not pass for a complete list.
CREATE TABLE revocation_log (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  identity TEXT NOT NULL,
  position INTEGER NOT NULL
);
INSERT INTO revocation_log (id, identity, position) VALUES (1, lower(hex(randomblob(16))), 1);

-- Entries of before have the position 0: whatever Redis says of a position includes them.
ALTER TABLE revocations ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
CREATE INDEX revocations_to_push_in_order ON revocations (position) WHERE pushed = 0;

-- Triggers, so that an instance of a version that knows of no position cannot leave one out. Every
-- statement that logs a revocation sets `pushed`; the one that marks it as pushed moves nothing.
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
