import assert from "node:assert/strict";
import fc from "fast-check";
import { createLogger, runInContext } from "./context/request_context.ts";
import { type LogLevel, logLevels } from "./log.ts";
import { toSecret } from "./crypto/secrets.ts";
import { newTrace } from "./telemetry/trace_context.ts";

function setup(level: LogLevel = "debug") {
  const lines: string[] = [];
  const log = createLogger({
    service: "test",
    level,
    sink: (line) => lines.push(line),
    now: () => 0,
  });
  /** The one line that a call writes. */
  const write = (message: string, fields?: object): string => {
    lines.length = 0;
    // What the types refuse may still come from untyped code.
    const writeUnchecked: (message: string, fields?: object) => void = log.info;
    writeUnchecked(message, fields);
    assert.equal(lines.length, 1);
    return lines[0]!;
  };
  return { log, lines, write };
}

const own = { time: "1970-01-01T00:00:00.000Z", level: "info", service: "test" };

Deno.test("a log line is one JSON object: time, level, service, trace, message, fields", () => {
  const { write } = setup();
  assert.equal(
    write("Hello", { a: 1, b: { c: [true, null, "x"] } }),
    JSON.stringify({ ...own, message: "Hello", a: 1, b: { c: [true, null, "x"] } }),
  );
  const trace = newTrace();
  const context = { service: "s", trace, callChain: [], signal: new AbortController().signal };
  const line = runInContext(context, () => write("Hello"));
  const { traceId, spanId } = trace;
  assert.deepEqual(JSON.parse(line), { ...own, traceId, spanId, message: "Hello" });
});

Deno.test("a logger writes its level and those above", () => {
  for (const [at, level] of logLevels.entries()) {
    const { log, lines } = setup(level);
    for (const name of logLevels) log[name]("Hello");
    assert.deepEqual(lines.map((line) => JSON.parse(line).level), logLevels.slice(at));
  }
});

Deno.test("no field overrides the line's own members", () => {
  const { write } = setup();
  const fields = { time: "x", level: "debug", service: "x", message: "x" };
  assert.deepEqual(JSON.parse(write("Hello", fields)), { ...own, message: "Hello" });
});

const random = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) =>
    bytes.toBase64({ alphabet: "base64url", omitPadding: true })
  );
const jwt = fc.tuple(random(30), random(120), random(64)).map(([header, payload, signature]) =>
  `eyJhbGciOi${header}.${payload}.${signature}`
);
const word = fc.stringMatching(/^[a-z0-9._+-]{3,20}$/);
const email = fc.tuple(word, word).map(([name, host]) => `${name}@${host}.example.com`);

/** A secret and the parts of it that must not remain either. */
const secret = fc.oneof(
  jwt.map((token) => [token, ...token.split(".")]),
  random(32).map((token) => [token]),
  email.map((address) => [address, ...address.split("@")]),
  random(32).map((token) => [`__Host-refresh_token=${token}`, token]),
  jwt.map((token) => [`access_token=${token}; Path=/`, token]),
  random(20).map((token) => [`Bearer ${token}`, token]),
  random(20).map((password) => [`{"password":"${password}"}`, password]),
  random(8).map((value) => [`Cookie: theme=dark; sid=${value}`, value]),
  fc.constant(["sig_7RvDzxRXX2ppHBLw4Rn4Hk6FYRqk"]),
  fc.constant(["a%40b.example", "b.example"]),
);

const places: Readonly<Record<string, (text: string) => readonly [string, object?]>> = {
  message: (text) => [text],
  field: (text) => ["x", { note: text }],
  name: (text) => ["x", { [text]: 1 }],
  deep: (text) => ["x", { a: { b: [{ c: text }] } }],
  error: (text) => ["x", { error: new Error(text, { cause: new TypeError(text) }) }],
  code: (text) => ["x", { error: Object.assign(new Error("x"), { code: text, name: text }) }],
  url: (text) => ["x", { url: new URL(`http://a.test/?q=${text.replaceAll(" ", "+")}`) }],
};

Deno.test("no token, cookie or address survives anywhere in a line", () => {
  const { write } = setup();
  const around = fc.oneof(
    fc.constantFrom("", " ", ": ", "(", '"', "'", "=", "/", "?q=", "\n", "eyJ", "-", "_", "ü", "a"),
    fc.string({ maxLength: 8 }),
  );
  const place = fc.constantFrom(...Object.keys(places));
  fc.assert(
    fc.property(secret, around, around, place, (parts, before, after, where) => {
      const [whole = ""] = parts;
      const [message, fields] = places[where]!(`${before}${whole}${after}`);
      const line = write(message, fields);
      const [address] = whole.includes("@") ? [whole] : [];
      const hidden = address === undefined ? parts.filter((part) => part.length >= 10) : [address];
      for (const part of hidden) assert.ok(!line.includes(part), `${part} in ${line}`);
    }),
    { numRuns: 2000 },
  );
});

const named = [
  "password",
  "passwd",
  "pwd",
  "newPassword",
  "passphrase",
  "secret",
  "clientSecret",
  "token",
  "refreshToken",
  "cookie",
  "set-cookie",
  "authorization",
  "apiKey",
  "api_key",
  "api-key",
  "privateKey",
  "email",
  "e-mail",
  "userEmail",
  "passport",
  "x-passport",
  "X-Passport",
  "passportToken",
  "PASSPORT_KEYS",
  "credentials",
  "params",
  "sql",
  "jwk",
  "tokenRefusals",
  "accessTokenTokenRefusal",
];
Deno.test("a field with a sensitive name is not written", () => {
  const { write } = setup();
  for (const name of named) {
    for (const value of ["hunter2", { a: "hunter2" }, ["hunter2"]]) {
      assert.ok(!write("x", { [name]: value }).includes("hunter2"), name);
      assert.ok(!write("x", { deep: { [name]: value } }).includes("hunter2"), name);
    }
  }
});

Deno.test("what an issuer says of a person in a Passport is not written", () => {
  const { write } = setup();
  const passport = { sub: "user:acme:7", ext: { nickname: "hunter2", tags: ["hunter2"] } };
  for (
    const fields of [{ claims: passport }, passport, { all: [passport] }, { ext: ["hunter2"] }]
  ) {
    const line = write("x", fields);
    assert.ok(!line.includes("hunter2") && line.includes("[redacted]"), line);
  }
});

Deno.test("fields that help to find a fault are written", () => {
  const { write } = setup();
  const fields = {
    path:
      "/courses/0198c0de-7000-7000-8000-000000000000/lessons/0198c0de-7000-7000-8000-000000000001",
    sub: "user:0198c0de-7000-7000-8000-000000000000",
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    jti: "AAECAwQFBgcICQoLDA0ODw",
    kid: "2026-11-22",
    reason: "token_expired",
    passportRefusal: "signature",
    tokenRefusal: "claim_missing:token_use",
    ext: ".pdf",
    durationMs: 1.5,
    upstream: "https://course.internal:8443/",
  };
  assert.deepEqual(JSON.parse(write("Passport refused", fields)), {
    ...own,
    message: "Passport refused",
    ...fields,
  });
});

Deno.test("clients' errors do not reveal their commands [X4]", () => {
  const { write } = setup();
  const messages = [
    'WRONGTYPE, command was: [["set","k","hunter2"]]',
    "Failed query: insert into t values (?)\nparams: hunter2,\nhunter2",
    "hash is $argon2id$v=19$m=19456,t=2,p=1$hunter2$hunter2",
  ];
  for (const message of messages) {
    const error = Object.assign(new Error(message), { query: "hunter2", params: ["hunter2"] });
    assert.ok(!write(message, { error, again: [message] }).includes("hunter2"), message);
  }
});

Deno.test("a line stays one line without characters that control a terminal", () => {
  const { write } = setup();
  const text = fc.string({ unit: "binary", maxLength: 50 });
  fc.assert(fc.property(text, text, text, (message, name, value) => {
    const line = write(message, { [`n${name}`]: value });
    assert.ok(!/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(line));
    assert.equal(JSON.parse(line).service, "test");
  }));
  const line = write('x"}\n{"level":"info","message":"forged"}\u2028\u009b2J\u202e');
  assert.equal(
    JSON.parse(line).message,
    'x"}\n{"level":"info","message":"forged"}\u2028\u009b2J\u202e',
  );
  assert.ok(!/[\n\u2028\u009b\u202e]/.test(line));
});

const cycle: Record<string, unknown> = { n: 1 };
cycle.self = cycle;
const manyCycles: unknown[] = [];
for (let at = 0; at < 100; at++) manyCycles.push(manyCycles);

/** The written form of a value; `undefined` where only the absence of an error matters. */
const awkward: Readonly<Record<string, readonly [value: unknown, written?: unknown]>> = {
  "a URL": [new URL("https://a.test:81/b/c?d=hunter2#hunter2"), "https://a.test:81/b/c"],
  "a bigint": [10n ** 30n, String(10n ** 30n)],
  "a date": [new Date(0), own.time],
  "a date that is none": [new Date(Number.NaN), "[unreadable]"],
  "not a number": [Number.NaN, "NaN"],
  "infinity": [-Infinity, "-Infinity"],
  "a function": [() => "hunter2", "[function]"],
  "a symbol": [Symbol("hunter2"), "[symbol]"],
  "bytes": [new Uint8Array(4), "[bytes]"],
  "a buffer": [new ArrayBuffer(4), "[bytes]"],
  "a cycle": [cycle],
  "a hundred cycles": [manyCycles],
  "an object with toJSON": [{ toJSON: () => "hunter2" }, { toJSON: "[function]" }],
  "a getter that throws": [
    {
      get bad(): never {
        throw new Error("hunter2");
      },
      good: 1,
    },
    { bad: "[unreadable]", good: 1 },
  ],
  "a proxy that throws": [
    new Proxy({}, {
      ownKeys() {
        throw new Error("hunter2");
      },
    }),
    "[unreadable]",
  ],
  "a revoked proxy": [
    (() => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    })(),
    "[unreadable]",
  ],
  "an error whose message throws": [
    Object.defineProperty(new Error("x"), "message", {
      get() {
        throw new Error("hunter2");
      },
    }),
    { name: "Error", message: "[unreadable]" },
  ],
  "an object without prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  "a member named __proto__": [
    JSON.parse('{"__proto__":{"a":1}}'),
    JSON.parse('{"__proto__":{"a":1}}'),
  ],
  "headers": [new Headers({ cookie: "hunter2" }), {}],
  "a map": [new Map([["a", "hunter2"]]), {}],
  "undefined": [undefined, undefined],
  "holes": [Object.assign([], { length: 3, 2: "x" }), [null, null, "x"]],
};
for (const [what, [value, written]] of Object.entries(awkward)) {
  Deno.test(`a logger accepts ${what}`, () => {
    const { write } = setup();
    const line = write("x", { value });
    assert.ok(!line.includes("hunter2"));
    assert.ok(line.length < 50_000);
    if (written !== undefined) assert.deepEqual(JSON.parse(line).value, written);
  });
}

Deno.test("a logger accepts unreadable fields, and a message that is no text", () => {
  const { write } = setup();
  const fields = new Proxy({}, {
    ownKeys() {
      throw new Error("hunter2");
    },
  });
  assert.deepEqual(JSON.parse(write("x", fields)), {
    ...own,
    message: "x",
    fields: "[unreadable]",
  });
  const message = undefined as unknown as string;
  assert.equal(JSON.parse(write(message)).message, "undefined");
});

Deno.test("a logger cuts deep and wide values", () => {
  const { write } = setup();
  const deep = JSON.parse(`${'{"a":'.repeat(20)}1${"}".repeat(20)}`);
  assert.ok(write("x", { deep }).includes("[deep]"));
  assert.equal(JSON.parse(write("x", { wide: Array(1000).fill(1) })).wide.length, 100);
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`m${at}`, 1]));
  assert.equal(Object.keys(JSON.parse(write("x", { wide })).wide).length, 100);
  const many = Array(100).fill(Array(100).fill(Array(100).fill(1)));
  assert.ok(write("x", { many }).length < 200_000);
});

Deno.test("masking is linear in the length of a text", () => {
  const { write } = setup();
  for (
    const unit of ["a", "a-", "a ", "@", "a@", "eyJ", ".", "token", "token ", "%4", "cookie", "="]
  ) {
    const measure = (length: number, times: number) => {
      const text = unit.repeat(length / unit.length);
      const startedAt = performance.now();
      for (let round = 0; round < times; round++) write(text);
      return performance.now() - startedAt;
    };
    // The same amount of text twice; at this length anything quadratic takes minutes. On a busy
    // machine one run may have to wait, so that the best of five counts.
    const isLinear = () => measure(2 ** 18, 1) < measure(2 ** 14, 16) * 8 + 1000;
    assert.ok(Array.from({ length: 5 }).some(isLinear), unit);
  }
});

Deno.test("values that must not be logged do not compile", () => {
  const { log } = setup();
  const headers = new Headers({ authorization: "Bearer x" });
  const records = { request: new Request("http://a.test"), token: toSecret("x"), headers };
  const show = (): void => {
    // @ts-expect-error: headers carry credentials
    log.info("x", { headers });
    // @ts-expect-error: a request has headers
    log.info("x", { request: records.request });
    // @ts-expect-error: a secret, whatever its field is called
    log.info("x", { id: records.token });
    // @ts-expect-error: a record that has one among its members
    log.info("x", { records });
    // @ts-expect-error: unknown values, but for what was thrown
    log.info("x", { body: JSON.parse("{}") as unknown });
    log.info("x", { cause: JSON.parse("{}") as unknown, id: "1", at: new Date(0) });
  };
  assert.equal(typeof show, "function");
});
