-- Answers kept for a repeated creation; shared/http/idempotency.ts reads and writes them.
CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY NOT NULL,
  body_hash TEXT NOT NULL,
  body TEXT,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
