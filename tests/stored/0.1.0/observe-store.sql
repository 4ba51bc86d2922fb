BEGIN TRANSACTION;
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  state TEXT NOT NULL,
  message_id TEXT NOT NULL,
  consumer TEXT NOT NULL,
  status INTEGER,
  outcome TEXT,
  next_at REAL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  source TEXT NOT NULL,
  stored_at REAL NOT NULL,
  trace_id TEXT NOT NULL
) STRICT;
CREATE TABLE exits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  is_expected INTEGER NOT NULL,
  is_told INTEGER NOT NULL DEFAULT 0,
  exit TEXT NOT NULL
) STRICT;
CREATE TABLE lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  level TEXT NOT NULL,
  service TEXT NOT NULL,
  request INTEGER,
  span_id TEXT,
  message TEXT NOT NULL,
  fields TEXT NOT NULL,
  said TEXT NOT NULL
) STRICT;
INSERT INTO "lines" VALUES(111,1796055451560.0,'info','user',40,'ce910f525790ba65','Configuration in force','{"version":1}','configuration in force
1');
INSERT INTO "lines" VALUES(112,1796055451562.0,'info','user',40,'ce910f525790ba65','Request served','{"method":"GET","path":"/users/me","status":200,"durationMs":7.9,"sub":"user:01a22d3e-4eec-7bda-b7ac-4906899a65ea"}','request served
get
/users/me
200
7.9
user:01a22d3e-4eec-7bda-b7ac-4906899a65ea');
INSERT INTO "lines" VALUES(113,1796055451572.0,'info','gateway',40,'b90c5feff261a33c','Request answered','{"method":"GET","path":"/users/me","route":"/users/me","status":200,"sub":"01a22d3e-4eec-7bda-b7ac-4906899a65ea","durationMs":61.1}','request answered
get
/users/me
/users/me
200
01a22d3e-4eec-7bda-b7ac-4906899a65ea
61.1');
CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL UNIQUE,
  time REAL NOT NULL,
  is_request INTEGER NOT NULL DEFAULT 0,
  has_span INTEGER NOT NULL DEFAULT 0,
  method TEXT,
  path TEXT,
  route TEXT,
  status INTEGER,
  code TEXT,
  duration_ms REAL,
  sub TEXT,
  issuer TEXT,
  services TEXT NOT NULL DEFAULT ','
) STRICT;
INSERT INTO "requests" VALUES(40,'f5ffba45aa6d7f81bab249ac8e119627',1.79605545151102490237e+12,1,1,'GET','/users/me','/users/me',200,NULL,61.282959,'01a22d3e-4eec-7bda-b7ac-4906899a65ea','user',',gateway,user,');
CREATE TABLE spans (
  request INTEGER NOT NULL,
  span_id TEXT NOT NULL,
  parent_id TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  service TEXT NOT NULL,
  start REAL NOT NULL,
  duration_ms REAL NOT NULL,
  status TEXT NOT NULL,
  attributes TEXT NOT NULL,
  events TEXT NOT NULL,
  links TEXT NOT NULL,
  source TEXT,
  target TEXT,
  has_failed INTEGER NOT NULL,
  PRIMARY KEY (request, span_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "spans" VALUES(40,'9c326fc0845e7b5c','b90c5feff261a33c','gateway.envelope','internal','gateway',1.79605545156288891597e+12,0.389648,'unset','{"edgepass.step":"envelope"}','[]','[]',NULL,NULL,0);
INSERT INTO "spans" VALUES(40,'af596fc623d781af','b90c5feff261a33c','gateway.revocation','internal','gateway',1.79605545152038598632e+12,19.82666,'unset','{"edgepass.step":"revocation","db.system.name":"redis","edgepass.revocation.mode":"strict","edgepass.revocation.answer":"clear"}','[]','[]','gateway','redis',0);
INSERT INTO "spans" VALUES(40,'b613a66265ffcdbe','b90c5feff261a33c','gateway.sign','internal','gateway',1.79605545154089599616e+12,0.772705,'unset','{"edgepass.step":"sign","edgepass.passport.pv":"0.1.0","edgepass.passport.iss":"http://127.0.0.1:9287","edgepass.passport.aud":"edgepass.local","edgepass.passport.iat":1796055451,"edgepass.passport.exp":1796055481,"edgepass.passport.jti":"9GJdTfBp1YDjUtLAgf2CfQ","edgepass.passport.txn":"f5ffba45aa6d7f81bab249ac8e119627","edgepass.passport.sub":"user:01a22d3e-4eec-7bda-b7ac-4906899a65ea","edgepass.passport.sid":"01a22d3f-4630-7f51-af36-faf4fb0307e6","edgepass.passport.roles":["learner"],"edgepass.passport.scope":"","edgepass.passport.uv":1,"edgepass.passport.cfg":1,"edgepass.passport.kid":"5j-MnD0zgAE"}','[]','[]',NULL,NULL,0);
INSERT INTO "spans" VALUES(40,'b90c5feff261a33c',NULL,'GET /users/me','server','gateway',1.79605545151102490237e+12,61.282959,'unset','{"http.request.method":"GET","url.path":"/users/me","http.route":"/users/me","http.response.status_code":200,"edgepass.rule":"authenticated","edgepass.credential":"cookie","user.id":"01a22d3e-4eec-7bda-b7ac-4906899a65ea","edgepass.issuer":"user","edgepass.token.kid":"CrsZehDhI4s","edgepass.token.jti":"xyQyce3YF_T8kID7f4RVPw","edgepass.token.sid":"01a22d3f-4630-7f51-af36-faf4fb0307e6","edgepass.token.roles":["learner"]}','[]','[]','client','gateway',0);
INSERT INTO "spans" VALUES(40,'bf117258dccec50b','b90c5feff261a33c','gateway.verify','internal','gateway',1.79605545151661401366e+12,3.723145,'unset','{"edgepass.step":"verify","user.id":"01a22d3e-4eec-7bda-b7ac-4906899a65ea","edgepass.issuer":"user","edgepass.token.kid":"CrsZehDhI4s","edgepass.token.jti":"xyQyce3YF_T8kID7f4RVPw","edgepass.token.sid":"01a22d3f-4630-7f51-af36-faf4fb0307e6","edgepass.token.roles":["learner"]}','[]','[]',NULL,NULL,0);
INSERT INTO "spans" VALUES(40,'cd3dabac058e6d61','b90c5feff261a33c','GET','client','gateway',1.79605545154171289063e+12,21.138916,'unset','{"http.request.method":"GET","edgepass.peer":"user","edgepass.step":"forward","http.response.status_code":200}','[]','[]','gateway','user',0);
INSERT INTO "spans" VALUES(40,'cd65cb1d2ab02068','ce910f525790ba65','QUERY','client','user',1.79605545156160400395e+12,0.639892,'unset','{"db.system.name":"sqlite","db.operation.name":"QUERY","edgepass.db.statements":1}','[]','[]','user','user database',0);
INSERT INTO "spans" VALUES(40,'ce910f525790ba65','cd3dabac058e6d61','GET /users/me','server','user',1.79605545155445410149e+12,8.224854,'unset','{"edgepass.passport.verdict":"accepted","edgepass.passport.jti":"9GJdTfBp1YDjUtLAgf2CfQ","http.request.method":"GET","url.path":"/users/me","http.route":"/users/me","http.response.status_code":200,"user.id":"user:01a22d3e-4eec-7bda-b7ac-4906899a65ea","edgepass.call_chain":["user"]}','[]','[]','','user',0);
CREATE INDEX requests_by_time ON requests (is_request, time, id);
CREATE INDEX hops ON spans (start, source, target, duration_ms, has_failed)
  WHERE target IS NOT NULL;
CREATE INDEX lines_by_request ON lines (request) WHERE request IS NOT NULL;
CREATE INDEX deliveries_by_trace ON deliveries (trace_id);
CREATE INDEX deliveries_by_event ON deliveries (event_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('lines',116);
INSERT INTO "sqlite_sequence" VALUES('deliveries',24);
COMMIT;
PRAGMA user_version = 2;
