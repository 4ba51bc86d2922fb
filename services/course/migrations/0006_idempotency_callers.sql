-- Whose answer it is, `user:<id>`, so that it can go with the account; null in rows of 0.1.0.
ALTER TABLE idempotency_keys ADD COLUMN caller TEXT;
CREATE INDEX idempotency_keys_by_caller ON idempotency_keys (caller);
