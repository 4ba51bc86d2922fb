BEGIN TRANSACTION;
CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    dlq_id TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    delivery TEXT NOT NULL,
    origin TEXT NOT NULL,
    queue TEXT,
    created_at INTEGER NOT NULL,
    not_before INTEGER,
    failed_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    response_header TEXT NOT NULL,
    response_body BLOB NOT NULL
  ) STRICT;
CREATE TABLE deduplications (
    key TEXT PRIMARY KEY, message_id TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT;
INSERT INTO "deduplications" VALUES('["id","01a22d3d-c2f3-7b90-9353-82bce17d3371-user"]','msg_0mx3gzh2h6553a3f1eb70458b4407af87',1796055954605);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-d099-7a12-b08e-4f5ae252e833-user"]','msg_0mx3gzht2b16824a134794c7216f92ad1',1796055955622);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-d384-7882-b6ac-c4562dea2c1b-user"]','msg_0mx3gzid5cc9fbae312667801c3101fd7',1796055956345);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-d477-7f23-833a-0fd6f0e6ca3d-course"]','msg_0mx3gzik855499c4d71a61a7562f5398e',1796055956600);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-d8e7-702d-ba86-b6e2b151840d-enrollment"]','msg_0mx3gzjfi55306f30160b65491df4dc22',1796055957726);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-d8e7-702d-ba86-b6e2b151840d-recommendation"]','msg_0mx3gzjfj5c42d096f7dc37306c2073d8',1796055957727);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-da28-7d66-b677-8d83f367dd83-enrollment"]','msg_0mx3gzjn4886ad505859febc63f5e381d',1796055958000);
INSERT INTO "deduplications" VALUES('["id","01a22d3d-da28-7d66-b677-8d83f367dd83-recommendation"]','msg_0mx3gzjn4e1346a300ce10f6e8b41afbf',1796055958000);
INSERT INTO "deduplications" VALUES('["id","01a22d3e-4eec-74ff-8955-1497ea53aecf-user"]','msg_0mx3h06pl733961397c8998a56f719fc9',1796055987897);
INSERT INTO "deduplications" VALUES('["id","01a22d3e-63f6-78ea-9d9e-15a5aac40d13-course"]','msg_0mx3h0awu889ec01c6d336c338413a00b',1796055993342);
INSERT INTO "deduplications" VALUES('["id","01a22d3e-63f6-78ea-9d9e-15a5aac40d13-recommendation"]','msg_0mx3h0awv478b530182639e3d4266b4c9',1796055993343);
INSERT INTO "deduplications" VALUES('["id","01a22d3e-6638-74a9-99b6-223afa922b3c-course"]','msg_0mx3h0bc2c62d8e155eb8571d73ff35eb',1796055993890);
CREATE TABLE logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
INSERT INTO "logs" VALUES(1,1796055354666,'msg_0mx3gzh2h6553a3f1eb70458b4407af87','CREATED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(2,1796055354672,'msg_0mx3gzh2h6553a3f1eb70458b4407af87','ACTIVE','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(3,1796055354926,'msg_0mx3gzh2h6553a3f1eb70458b4407af87','DELIVERED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(4,1796055355622,'msg_0mx3gzht2b16824a134794c7216f92ad1','CREATED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(5,1796055355647,'msg_0mx3gzht2b16824a134794c7216f92ad1','ACTIVE','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(6,1796055355830,'msg_0mx3gzht2b16824a134794c7216f92ad1','DELIVERED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(7,1796055356346,'msg_0mx3gzid5cc9fbae312667801c3101fd7','CREATED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(8,1796055356346,'msg_0mx3gzid5cc9fbae312667801c3101fd7','ACTIVE','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(9,1796055356457,'msg_0mx3gzid5cc9fbae312667801c3101fd7','DELIVERED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(10,1796055356600,'msg_0mx3gzik855499c4d71a61a7562f5398e','CREATED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.roles-changed","labels":["user.roles-changed"]}');
INSERT INTO "logs" VALUES(11,1796055356601,'msg_0mx3gzik855499c4d71a61a7562f5398e','ACTIVE','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.roles-changed","labels":["user.roles-changed"]}');
INSERT INTO "logs" VALUES(12,1796055356658,'msg_0mx3gzik855499c4d71a61a7562f5398e','DELIVERED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.roles-changed","labels":["user.roles-changed"]}');
INSERT INTO "logs" VALUES(13,1796055357726,'msg_0mx3gzjfi55306f30160b65491df4dc22','CREATED','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(14,1796055357727,'msg_0mx3gzjfj5c42d096f7dc37306c2073d8','CREATED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(15,1796055357748,'msg_0mx3gzjfi55306f30160b65491df4dc22','ACTIVE','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(16,1796055357748,'msg_0mx3gzjfj5c42d096f7dc37306c2073d8','ACTIVE','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(17,1796055357880,'msg_0mx3gzjfi55306f30160b65491df4dc22','DELIVERED','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(18,1796055357916,'msg_0mx3gzjfj5c42d096f7dc37306c2073d8','DELIVERED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(19,1796055358000,'msg_0mx3gzjn4886ad505859febc63f5e381d','CREATED','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(20,1796055358000,'msg_0mx3gzjn4e1346a300ce10f6e8b41afbf','CREATED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(21,1796055358001,'msg_0mx3gzjn4886ad505859febc63f5e381d','ACTIVE','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(22,1796055358001,'msg_0mx3gzjn4e1346a300ce10f6e8b41afbf','ACTIVE','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(23,1796055358064,'msg_0mx3gzjn4886ad505859febc63f5e381d','DELIVERED','{"url":"http://127.0.0.1:9287/events/enrollment","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/enrollment/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(24,1796055358092,'msg_0mx3gzjn4e1346a300ce10f6e8b41afbf','DELIVERED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"course.published","labels":["course.published"]}');
INSERT INTO "logs" VALUES(25,1796055387898,'msg_0mx3h06pl733961397c8998a56f719fc9','CREATED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(26,1796055387899,'msg_0mx3h06pl733961397c8998a56f719fc9','ACTIVE','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(27,1796055387950,'msg_0mx3h06pl733961397c8998a56f719fc9','DELIVERED','{"url":"http://127.0.0.1:9287/events/user","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/user/failed","callerIP":"127.0.0.1","label":"user.registered","labels":["user.registered"]}');
INSERT INTO "logs" VALUES(28,1796055393342,'msg_0mx3h0awu889ec01c6d336c338413a00b','CREATED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(29,1796055393343,'msg_0mx3h0awv478b530182639e3d4266b4c9','CREATED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(30,1796055393348,'msg_0mx3h0awu889ec01c6d336c338413a00b','ACTIVE','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(31,1796055393348,'msg_0mx3h0awv478b530182639e3d4266b4c9','ACTIVE','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(32,1796055393531,'msg_0mx3h0awv478b530182639e3d4266b4c9','DELIVERED','{"url":"http://127.0.0.1:9287/events/recommendation","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/recommendation/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(33,1796055393612,'msg_0mx3h0awu889ec01c6d336c338413a00b','DELIVERED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"enrollment.created","labels":["enrollment.created"]}');
INSERT INTO "logs" VALUES(34,1796055393890,'msg_0mx3h0bc2c62d8e155eb8571d73ff35eb','CREATED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.profile-changed","labels":["user.profile-changed"]}');
INSERT INTO "logs" VALUES(35,1796055393907,'msg_0mx3h0bc2c62d8e155eb8571d73ff35eb','ACTIVE','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.profile-changed","labels":["user.profile-changed"]}');
INSERT INTO "logs" VALUES(36,1796055394105,'msg_0mx3h0bc2c62d8e155eb8571d73ff35eb','DELIVERED','{"url":"http://127.0.0.1:9287/events/course","method":"POST","maxRetries":5,"retryDelayExpression":"min(20000, pow(2, retried) * 1000)","timeout":10000,"failureCallback":"http://127.0.0.1:9287/events/course/failed","callerIP":"127.0.0.1","label":"user.profile-changed","labels":["user.profile-changed"]}');
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    delivery TEXT NOT NULL,
    origin TEXT NOT NULL,
    queue TEXT,
    created_at INTEGER NOT NULL,
    not_before INTEGER,
    next_at INTEGER NOT NULL,
    retried INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 0,
    copy INTEGER NOT NULL DEFAULT 0
  ) STRICT;
CREATE TABLE queues (
    name TEXT PRIMARY KEY,
    parallelism INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    destination TEXT NOT NULL,
    delivery TEXT NOT NULL,
    body BLOB NOT NULL,
    queue TEXT,
    delay_ms INTEGER,
    caller_ip TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    last_ids TEXT NOT NULL DEFAULT '[]',
    paused INTEGER NOT NULL DEFAULT 0
  ) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
  ) STRICT;
INSERT INTO "settings" VALUES('signing-key-current','sig_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO "settings" VALUES('signing-key-next','sig_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb');
CREATE TABLE url_groups (
    name TEXT PRIMARY KEY,
    endpoints TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_due ON messages (next_at, seq)
    WHERE queue IS NULL AND active = 0;
CREATE INDEX messages_queued ON messages (queue, seq) WHERE queue IS NOT NULL;
CREATE INDEX dead_letters_by_id ON dead_letters (id);
CREATE INDEX logs_by_message ON logs (message_id);
CREATE INDEX logs_by_time ON logs (time);
CREATE INDEX deduplications_by_end ON deduplications (expires_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('messages',12);
INSERT INTO "sqlite_sequence" VALUES('logs',36);
COMMIT;
