BEGIN TRANSACTION;
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
INSERT INTO "accounts" VALUES('01a22d3d-c2e8-7459-8ce9-9812adcd3426','admin@edgepass.local','Administrator','$argon2id$v=19$m=19456,t=2,p=1$KesWjPfbCnyWau7FN1cwmg$SSuVb9RoaVMDyU/zGuoQuWj5LBiaG8M7Zs81h6dfNb0',1796055351192,'["admin"]',0,NULL,1,1,1796055351192,1796055351192);
INSERT INTO "accounts" VALUES('01a22d3d-d099-7699-9ffe-5de10868f85d','learner@edgepass.local','Demo Learner','$argon2id$v=19$m=19456,t=2,p=1$p4sI0ZA0z6atLqSfWuP64Q$VB1xXZ3Uhp9sQOkcmpAAKF1NtgMtg1z5mqWGts9JXyc',1796055354628,'["learner"]',0,NULL,1,1,1796055354628,1796055354628);
INSERT INTO "accounts" VALUES('01a22d3d-d383-7bb8-83c6-262a91d83a2d','instructor@edgepass.local','Demo Instructor','$argon2id$v=19$m=19456,t=2,p=1$mDeg9kNe/BHqTdkhykPB9Q$LRKV6SrmIff2GJhhfQb4f4z+MhJX/9z7QxADgAOQ+qo',1796055355771,'["instructor","learner"]',0,NULL,2,2,1796055355771,1796055356522);
INSERT INTO "accounts" VALUES('01a22d3e-4eec-7bda-b7ac-4906899a65ea','ada@example.com','Ada','$argon2id$v=19$m=19456,t=2,p=1$s0Cmn4oNK3pyIB+5qy4bjg$PNVH0GHbeSfMkKVdbpLJaMarUIW8oqFeDDFpAFqVqLg',1796055387658,'["learner"]',0,NULL,1,1,1796055387658,1796055387658);
CREATE TABLE address_claims (
  email TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
);
CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  what TEXT NOT NULL
);
INSERT INTO "audit" VALUES('01a22d3d-d46a-7394-9867-846d67873670',1796055356522,'01a22d3d-c2e8-7459-8ce9-9812adcd3426','01a22d3d-d383-7bb8-83c6-262a91d83a2d','roles instructor,learner');
INSERT INTO "audit" VALUES('01a22d3f-34a4-77dd-a465-632322a92ef5',1796055446692,'01a22d3d-c2e8-7459-8ce9-9812adcd3426','configuration','configuration 1');
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
INSERT INTO "configurations" VALUES(1,'{"gateway":{"logLevel":"debug"}}','["gateway.logLevel"]','01a22d3d-c2e8-7459-8ce9-9812adcd3426',NULL,1796055446692,1);
CREATE TABLE d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  );
INSERT INTO "d1_migrations" VALUES(1,'0001_accounts.sql','2026-11-30 16:15:50','hb8dbHD0lk88vt1p4RZJA_n68uQTPl4kTVkaC7sZTI4');
INSERT INTO "d1_migrations" VALUES(2,'0002_idempotency.sql','2026-11-30 16:15:50','oTOpR_aBD1_tBM89WRTQFn7sM8mQCPPE61_EQQLebw8');
INSERT INTO "d1_migrations" VALUES(3,'0003_login_cleanup.sql','2026-11-30 16:15:50','z30n3nVR6MlWdzKbbqOp9oVACPjPrVSOamJ3hrc8O88');
INSERT INTO "d1_migrations" VALUES(4,'0004_events.sql','2026-11-30 16:15:50','-A7SZQqGOtY3Xsldt-5cu0nofznEFK5LJzpTRu13i5A');
INSERT INTO "d1_migrations" VALUES(5,'0005_configurations.sql','2026-11-30 16:15:50','iN3-s0qcTnsFtekNK97td2Rhuhiwcp1LQSCV_OkRIrQ');
CREATE TABLE ended_subjects (
  subject TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_sequences (
  subject TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "event_sequences" VALUES('01a22d3d-c2e8-7459-8ce9-9812adcd3426',1);
INSERT INTO "event_sequences" VALUES('01a22d3d-d099-7699-9ffe-5de10868f85d',1);
INSERT INTO "event_sequences" VALUES('01a22d3d-d383-7bb8-83c6-262a91d83a2d',2);
INSERT INTO "event_sequences" VALUES('01a22d3e-4eec-7bda-b7ac-4906899a65ea',1);
CREATE TABLE event_versions (
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  aspect TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, subject, aspect)
) WITHOUT ROWID;
CREATE TABLE guesses (
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
INSERT INTO "guesses" VALUES('network:EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',0,1796056253690);
INSERT INTO "guesses" VALUES('account:F9BbNA1gJHyz14EPJdB91IAJg8H7w7cl5iOtyVpE4mk',0,1796058953708);
INSERT INTO "guesses" VALUES('failedSignUp:EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',0,1796056254627);
INSERT INTO "guesses" VALUES('signUp:EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',3,1796058954627);
INSERT INTO "guesses" VALUES('account:4ITFmfjleFdbQDeO_kc2VkWCzLx6Axqm67XGCG6eN9g',0,1796058956668);
INSERT INTO "guesses" VALUES('account:tfyF5VdV-eDQMKEKtEKbaylEhV-aDWAHf-gyvsvEHXI',0,1796058988139);
CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY NOT NULL,
  body_hash TEXT NOT NULL,
  body TEXT,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE inbox (
  event_id TEXT PRIMARY KEY,
  received_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE known_networks (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  network TEXT NOT NULL,
  last_login_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, network)
);
INSERT INTO "known_networks" VALUES('01a22d3d-c2e8-7459-8ce9-9812adcd3426','EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',1796055450048);
INSERT INTO "known_networks" VALUES('01a22d3d-d383-7bb8-83c6-262a91d83a2d','EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',1796055389613);
INSERT INTO "known_networks" VALUES('01a22d3e-4eec-7bda-b7ac-4906899a65ea','EsoXtJryKJQ28wPgFmAwoh5SXSZuIJJnQzgBqP1AcaA',1796055451184);
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
INSERT INTO "logins" VALUES('01a22d3d-cc7b-7c7d-9375-f4b4345df0c9','01a22d3d-c2e8-7459-8ce9-9812adcd3426',1796055354491,1796055354491,1798647354491,1796055354491,'["pwd"]','Deno/2.9.5',NULL,NULL);
INSERT INTO "logins" VALUES('01a22d3d-d712-77e5-99b1-1e39df1c8954','01a22d3d-d383-7bb8-83c6-262a91d83a2d',1796055357202,1796055357202,1798647357202,1796055357202,'["pwd"]','Deno/2.9.5',NULL,NULL);
INSERT INTO "logins" VALUES('01a22d3e-506f-71e1-af8d-918254405a22','01a22d3e-4eec-7bda-b7ac-4906899a65ea',1796055388271,1796055388271,1798647388271,1796055388271,'["pwd"]','curl/7.88.1',NULL,NULL);
INSERT INTO "logins" VALUES('01a22d3e-526e-7308-9773-650ddafce467','01a22d3e-4eec-7bda-b7ac-4906899a65ea',1796055388782,1796055388782,1798647388782,1796055388782,'["pwd"]','curl/7.88.1',1796055394620,'logout');
INSERT INTO "logins" VALUES('01a22d3e-55ad-7908-bfa7-ad6ead0fbc43','01a22d3d-d383-7bb8-83c6-262a91d83a2d',1796055389613,1796055389613,1798647389613,1796055389613,'["pwd"]','curl/7.88.1',NULL,NULL);
INSERT INTO "logins" VALUES('01a22d3f-3309-79a3-a5d8-8c40be5e2e5f','01a22d3d-c2e8-7459-8ce9-9812adcd3426',1796055446281,1796055446281,1798647446281,1796055446281,'["pwd"]','Deno/2.9.5',1796055447417,'logout');
INSERT INTO "logins" VALUES('01a22d3f-41c0-7aed-acfe-55c276b8923b','01a22d3d-c2e8-7459-8ce9-9812adcd3426',1796055450048,1796055450048,1798647450048,1796055450048,'["pwd"]','Deno/2.9.5',1796055450208,'logout');
INSERT INTO "logins" VALUES('01a22d3f-4630-7f51-af36-faf4fb0307e6','01a22d3e-4eec-7bda-b7ac-4906899a65ea',1796055451184,1796055451184,1798647451184,1796055451184,'["pwd"]','curl/7.88.1',1796055451880,'logout');
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  -- The CloudEvent as it is sent.
  event TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  published_at INTEGER,
  -- Until then one relay has it, and no other takes it.
  claimed_until INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  -- Why QStash will never take it as it is: it waits for an operator.
  parked TEXT
);
INSERT INTO "outbox" VALUES('01a22d3d-c2f3-7b90-9353-82bce17d3371','01a22d3d-c2e8-7459-8ce9-9812adcd3426',1,'{"specversion":"1.0","id":"01a22d3d-c2f3-7b90-9353-82bce17d3371","source":"/auth","type":"user.registered","subject":"01a22d3d-c2e8-7459-8ce9-9812adcd3426","dataschema":"urn:edgepass:event:user.registered:1","traceparent":"00-6d250995978fb4f6adecbff08dffcd50-a3553cbb43c0d9b1-01","time":"2026-11-30T16:15:52.051Z","datacontenttype":"application/json","data":{"name":"Administrator"},"sequence":"00000000000000000001"}',1796055352051,1796055354793,1796055369510,1,0,NULL);
INSERT INTO "outbox" VALUES('01a22d3d-d099-7a12-b08e-4f5ae252e833','01a22d3d-d099-7699-9ffe-5de10868f85d',1,'{"specversion":"1.0","id":"01a22d3d-d099-7a12-b08e-4f5ae252e833","source":"/auth","type":"user.registered","subject":"01a22d3d-d099-7699-9ffe-5de10868f85d","dataschema":"urn:edgepass:event:user.registered:1","traceparent":"00-a5a8582231b9a3a3db806ab942d00c0a-dab7f1644bba4ce4-01","time":"2026-11-30T16:15:55.545Z","datacontenttype":"application/json","data":{"name":"Demo Learner"},"sequence":"00000000000000000001"}',1796055355545,1796055355668,1796055370560,1,0,NULL);
INSERT INTO "outbox" VALUES('01a22d3d-d384-7882-b6ac-c4562dea2c1b','01a22d3d-d383-7bb8-83c6-262a91d83a2d',1,'{"specversion":"1.0","id":"01a22d3d-d384-7882-b6ac-c4562dea2c1b","source":"/auth","type":"user.registered","subject":"01a22d3d-d383-7bb8-83c6-262a91d83a2d","dataschema":"urn:edgepass:event:user.registered:1","traceparent":"00-81230557a45db342f508479431d3a4b5-88f4fde100c45693-01","time":"2026-11-30T16:15:56.292Z","datacontenttype":"application/json","data":{"name":"Demo Instructor"},"sequence":"00000000000000000001"}',1796055356292,1796055356368,1796055371293,1,0,NULL);
INSERT INTO "outbox" VALUES('01a22d3d-d477-7f23-833a-0fd6f0e6ca3d','01a22d3d-d383-7bb8-83c6-262a91d83a2d',2,'{"specversion":"1.0","id":"01a22d3d-d477-7f23-833a-0fd6f0e6ca3d","source":"/auth","type":"user.roles-changed","subject":"01a22d3d-d383-7bb8-83c6-262a91d83a2d","dataschema":"urn:edgepass:event:user.roles-changed:1","traceparent":"00-e43d54d47b1d0d31956855fcbc691c65-e1f2b64ff32208fa-01","time":"2026-11-30T16:15:56.535Z","datacontenttype":"application/json","data":{"roles":["instructor","learner"]},"sequence":"00000000000000000002"}',1796055356535,1796055356671,1796055371562,1,0,NULL);
INSERT INTO "outbox" VALUES('01a22d3e-4eec-74ff-8955-1497ea53aecf','01a22d3e-4eec-7bda-b7ac-4906899a65ea',1,'{"specversion":"1.0","id":"01a22d3e-4eec-74ff-8955-1497ea53aecf","source":"/auth","type":"user.registered","subject":"01a22d3e-4eec-7bda-b7ac-4906899a65ea","dataschema":"urn:edgepass:event:user.registered:1","traceparent":"00-f3ec110eb44021cc8807e675de119853-f444eb1135c7b9b5-01","time":"2026-11-30T16:16:27.884Z","datacontenttype":"application/json","data":{"name":"Ada"},"sequence":"00000000000000000001"}',1796055387884,1796055387902,1796055402889,1,0,NULL);
CREATE TABLE refresh_tokens (
  hash TEXT PRIMARY KEY,
  sid TEXT NOT NULL REFERENCES logins (sid) ON DELETE CASCADE,
  parent_hash TEXT,
  state TEXT NOT NULL CHECK (state IN ('active', 'used')),
  created_at INTEGER NOT NULL,
  used_at INTEGER,
  expires_at INTEGER NOT NULL
);
INSERT INTO "refresh_tokens" VALUES('9dfpn-YKFX0m2MSdYdSdW_6BxQjUKr7Dj-8tJTiGY48','01a22d3d-cc7b-7c7d-9375-f4b4345df0c9',NULL,'active',1796055354491,NULL,1797264954491);
INSERT INTO "refresh_tokens" VALUES('OBX34XYEsIlq7TZ3p6elfR7klSpPslILtj1jFQE999I','01a22d3d-d712-77e5-99b1-1e39df1c8954',NULL,'active',1796055357202,NULL,1797264957202);
INSERT INTO "refresh_tokens" VALUES('u4gWyqj6hw4ZdhCVMQWiP0N9PqVLW-Y5tv5CquOqT1k','01a22d3e-506f-71e1-af8d-918254405a22',NULL,'active',1796055388271,NULL,1797264988271);
INSERT INTO "refresh_tokens" VALUES('A5cUv3P33HdSREVU6qroiWotugh7V4vZVeLBk9vrqeM','01a22d3e-526e-7308-9773-650ddafce467',NULL,'active',1796055388782,NULL,1797264988782);
INSERT INTO "refresh_tokens" VALUES('5Y8JWVGlxESZvo_dTW4FJiEzLd-2guEI19CY0JLwnI4','01a22d3e-55ad-7908-bfa7-ad6ead0fbc43',NULL,'active',1796055389613,NULL,1797264989613);
INSERT INTO "refresh_tokens" VALUES('7jZ2QcXTD1qneEzPsDjU01C56J57sK2hUQpsxSJlw1c','01a22d3f-3309-79a3-a5d8-8c40be5e2e5f',NULL,'active',1796055446281,NULL,1797265046281);
INSERT INTO "refresh_tokens" VALUES('4f7-rv63u-lq_aEhTr89fwtEth3ReHIc9MRA8J-Q6sA','01a22d3f-41c0-7aed-acfe-55c276b8923b',NULL,'active',1796055450048,NULL,1797265050048);
INSERT INTO "refresh_tokens" VALUES('Os9kJNfrQcUPrvmLdpwDTYx01CT0irxj53TzS6p_-X8','01a22d3f-4630-7f51-af36-faf4fb0307e6',NULL,'active',1796055451184,NULL,1797265051184);
CREATE TABLE revocations (
  level TEXT NOT NULL CHECK (level IN ('token', 'login', 'subject', 'key')),
  id TEXT NOT NULL,
  value INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  pushed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (level, id)
);
INSERT INTO "revocations" VALUES('subject','01a22d3d-d383-7bb8-83c6-262a91d83a2d',2,1796056321522,1);
INSERT INTO "revocations" VALUES('login','01a22d3e-526e-7308-9773-650ddafce467',1,1796056359620,1);
INSERT INTO "revocations" VALUES('login','01a22d3f-3309-79a3-a5d8-8c40be5e2e5f',1,1796056412417,1);
INSERT INTO "revocations" VALUES('login','01a22d3f-41c0-7aed-acfe-55c276b8923b',1,1796056415209,1);
INSERT INTO "revocations" VALUES('login','01a22d3f-4630-7f51-af36-faf4fb0307e6',1,1796056416880,1);
CREATE INDEX logins_by_account ON logins (account_id, sid);
CREATE INDEX logins_by_expiry ON logins (expires_at);
CREATE INDEX refresh_tokens_by_sid ON refresh_tokens (sid);
CREATE INDEX revocations_to_push ON revocations (level, id) WHERE pushed = 0;
CREATE INDEX revocations_by_expiry ON revocations (expires_at);
CREATE INDEX guesses_by_expiry ON guesses (expires_at);
CREATE INDEX known_networks_by_age ON known_networks (last_login_at);
CREATE INDEX audit_by_target ON audit (target_id, id);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
CREATE INDEX logins_by_end ON logins (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE published_at IS NULL AND parked IS NULL;
CREATE INDEX outbox_postponed ON outbox (next_attempt_at)
  WHERE published_at IS NULL AND parked IS NULL AND next_attempt_at > 0;
CREATE INDEX outbox_parked ON outbox (created_at) WHERE parked IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox (subject);
CREATE INDEX inbox_received ON inbox (received_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',5);
COMMIT;
