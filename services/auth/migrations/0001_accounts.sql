CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  email TEXT UNIQUE,
  name TEXT,
  password_hash TEXT,
  password_changed_at INTEGER NOT NULL,
  roles TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  closed_at INTEGER,
  uv INTEGER NOT NULL DEFAULT 1,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

-- Holds an address while its password is hashed, so that of parallel sign-ups one does the work.
CREATE TABLE address_claims (
  email TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
);

CREATE TABLE logins (
  sid TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  auth_time INTEGER NOT NULL,
  amr TEXT NOT NULL,
  user_agent TEXT,
  ended_at INTEGER,
  ended_by TEXT
);
CREATE INDEX logins_by_account ON logins (account_id, sid);
CREATE INDEX logins_by_expiry ON logins (expires_at);

CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY,
  sid TEXT NOT NULL REFERENCES logins (sid) ON DELETE CASCADE,
  parent_hash TEXT,
  state TEXT NOT NULL CHECK (state IN ('active', 'used')),
  created_at INTEGER NOT NULL,
  used_at INTEGER,
  expires_at INTEGER NOT NULL
);
CREATE INDEX refresh_tokens_by_sid ON refresh_tokens (sid);

-- The durable log of the revocation list in Redis; `value` is 1, or the least account version.
CREATE TABLE revocations (
  level TEXT NOT NULL CHECK (level IN ('token', 'login', 'subject', 'key')),
  id TEXT NOT NULL,
  value INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  pushed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (level, id)
);
CREATE INDEX revocations_to_push ON revocations (level, id) WHERE pushed = 0;
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- Guesses by account, network or both; keys are hashes.
CREATE TABLE guesses (
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX guesses_by_expiry ON guesses (expires_at);

-- Where an account logged in from; networks are hashes.
CREATE TABLE known_networks (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  network TEXT NOT NULL,
  last_login_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, network)
);
CREATE INDEX known_networks_by_age ON known_networks (last_login_at);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  what TEXT NOT NULL
);
CREATE INDEX audit_by_target ON audit (target_id, id);
