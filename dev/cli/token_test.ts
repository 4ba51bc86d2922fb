import assert from "node:assert/strict";
import { createIssuerKey, signParts } from "../../tests/suite/gateway_tokens.ts";
import { createAnsi } from "../terminal/text.ts";
import { inspectToken } from "./token.ts";

const key = await createIssuerKey("ES256", "k1");
const forger = await createIssuerKey("ES256", "k1");
const nowSeconds = 1_900_000_000;
const iss = "https://acme.test/";

/** Values of a person, which a report has only where they are asked for. */
const personal = { email: "ada@acme.test", name: "Ada Private", plan: "gold-private" };
const claims = {
  iss,
  aud: "api",
  sub: "ada-7",
  azp: "web",
  org: "o1",
  roles: ["admin", "learner"],
  iat: nowSeconds,
  exp: nowSeconds + 600,
  ...personal,
};
const row = {
  alias: "acme",
  iss,
  audience: ["api"],
  clients: { claim: "azp", allow: ["web"] },
  require: { org: "o1", email: ["ada@acme.test", "bob@acme.test"] },
  jwks: { keys: [key.jwk] },
  algorithms: ["ES256"],
  maxTokenBytes: 8192,
  claims: { extra: { plan: "plan" } },
};

const makeToken = (changes: object = {}, header: object = {}, by = key) =>
  signParts({
    header: { alg: "ES256", kid: "k1", typ: "JWT", ...header },
    payload: { ...claims, ...changes },
    key: by,
  });

interface Options {
  readonly variables?: Readonly<Record<string, string>>;
  readonly showsAll?: boolean;
}

async function inspect(text: string, { variables, showsAll = false }: Options = {}) {
  const outcome = await inspectToken(text, {
    variables: variables ?? {
      ISSUERS: JSON.stringify([row]),
      PASSPORT_POLICY: "0.1.1",
      EDGEPASS_HOME: "/nowhere",
    },
    showsAll,
    now: () => nowSeconds * 1000,
    ansi: createAnsi(false),
  });
  const marked = outcome.text.split("\n").flatMap((line) =>
    [...line.matchAll(/^ {2}([✓✗·]) (\S+)/g)].map(([, mark, check]) => `${mark} ${check}`)
  );
  return { ...outcome, marked };
}

const order = [
  "structure issuer size header typ algorithm key signature audience client org email claims life",
  "start end revocation passport",
].join(" ").split(" ");

Deno.test("an accepted token passes every check and shows the identity of its Passport", async () => {
  const { text, code, marked } = await inspect(`Bearer ${await makeToken({}, { x5t: "abc" })}\n`);
  assert.equal(code, 0, text);
  const expected = order.map((check) => `${check === "revocation" ? "·" : "✓"} ${check}`);
  assert.deepEqual(marked, expected);
  for (
    const part of [
      /audience +expected api; seen api/,
      /client +expected azp: web; seen web/,
      /end +expected exp not in the past, by 5 s; seen in 600 s/,
      /subject +user:acme:ada-7\n/,
      /roles +admin, learner\n/,
      /extra +plan\n/,
      /x5t +text +\(hidden\)/,
      /sub +text +\(hidden\)/,
      /revocation +expected no entry of its jti, sid, subject and key; seen no list/,
      /\nAccepted, unless it is revoked\./,
    ]
  ) assert.match(text, part);
});

/** What is wrong with a token, the check that shows it, and the reason that the gateway records. */
const refusals: readonly (readonly [string, () => Promise<string> | string, string, string])[] = [
  ["no JWT", () => "garbage", "structure", "malformed"],
  ["another issuer", () => makeToken({ iss: "https://acme.test" }), "issuer", "unknown_issuer"],
  ["no issuer", () => makeToken({ iss: null }), "issuer", "claim_missing:iss"],
  ["too many bytes", () => makeToken({ more: "x".repeat(8000) }), "size", "too_large"],
  ["a jku", () => makeToken({}, { jku: iss }), "header", "header_jku"],
  ["another typ", () => makeToken({}, { typ: "id+jwt" }), "typ", "typ"],
  ["another alg", () => makeToken({}, { alg: "RS256" }), "algorithm", "alg_not_allowed"],
  ["another kid", () => makeToken({}, { kid: "k2" }), "key", "kid_unknown"],
  ["a forged signature", () => makeToken({}, {}, forger), "signature", "signature"],
  ["another audience", () => makeToken({ aud: "web" }), "audience", "audience"],
  ["another client", () => makeToken({ azp: "tv" }), "client", "claim_invalid:azp"],
  ["no organisation", () => makeToken({ org: null }), "org", "claim_missing:org"],
  ["another address", () => makeToken({ email: "eve@x.test" }), "email", "claim_invalid:email"],
  ["no subject", () => makeToken({ sub: { a: 1 } }), "claims", "claim_invalid:sub"],
  ["a long life", () => makeToken({ exp: nowSeconds + 90_000 }), "life", "life_too_long"],
  ["a later start", () => makeToken({ nbf: nowSeconds + 60 }), "start", "not_yet_valid"],
  [
    "an end in the past",
    () => makeToken({ iat: nowSeconds - 600, exp: nowSeconds - 60 }),
    "end",
    "expired",
  ],
  [
    "more roles than a Passport can carry",
    () =>
      makeToken({ plan: "", roles: Array.from({ length: 300 }, (_, at) => `role-number-${at}`) }),
    "passport",
    "too_large",
  ],
];
for (const [what, make, check, reason] of refusals) {
  Deno.test(`a token with ${what} fails at ${check}, for ${reason}`, async () => {
    const token = await make();
    const { text, code, marked } = await inspect(token);
    assert.equal(code, reason === "malformed" ? 2 : 1, text);
    assert.deepEqual(marked.filter((line) => line.startsWith("✗")), [`✗ ${check}`], text);
    const at = marked.indexOf(`✗ ${check}`);
    assert.ok(marked.slice(at + 1).every((line) => line.startsWith("·")), text);
    const verdict = check === "structure" ? "No signed JWT" : "Refused";
    assert.ok(text.includes(`\n${verdict}: ${reason}. `), text);
    assert.match(text, /\nWhat to do: /);
    for (const secret of [token, ...token.split(".").filter((part) => part.length > 40)]) {
      assert.ok(!text.includes(secret), "the token itself");
    }
    assert.ok(!text.includes("eve@x.test") && !text.includes("Ada"), text);
  });
}

Deno.test("values of personal claims are shown only where they are asked for", async () => {
  const token = await makeToken();
  const { text } = await inspect(token);
  for (const value of ["Ada Private", "gold-private"]) assert.ok(!text.includes(value), text);
  const { text: all } = await inspect(token, { showsAll: true });
  for (const value of Object.values(personal)) assert.ok(all.includes(value), all);
  assert.ok(!all.includes(token));
});

Deno.test("text of a token cannot steer the terminal, and has no line of its own", async () => {
  const { text } = await inspect(
    await makeToken({ "a\n✓ b": 1, org: "\x1b[31mo1\r\n✓ c" }, { kid: "\x1b]0;x\x07" }),
    { showsAll: true },
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f]/);
  assert.doesNotMatch(text, /^✓/m);
});

Deno.test("a client passes where services take one, and is refused where they do not", async () => {
  const token = await makeToken({ sub: undefined });
  const ISSUERS = JSON.stringify([row]);
  const taken = await inspect(token, { variables: { ISSUERS, PASSPORT_POLICY: "0.1.1" } });
  assert.match(taken.text, /subject +client:acme:web\n/);
  const refused = await inspect(token, { variables: { ISSUERS, PASSPORT_POLICY: "0.1.0" } });
  assert.deepEqual([refused.code, refused.marked.at(-1)], [1, "✗ passport"]);
  assert.match(refused.text, /Refused: claim_invalid:sub\. /);
  assert.match(refused.text, /What to do: Set PASSPORT_POLICY=0\.1\.1/);
});

Deno.test("each fault of too_large has its own remedy and the bytes that were seen", async () => {
  const token = await inspect(await makeToken({ more: "x".repeat(8000) }));
  assert.match(token.text, /✗ size .*8192 bytes at most; seen \d+ bytes/);
  assert.match(token.text, /raise maxTokenBytes of the\s+row/);
  const roles = Array.from({ length: 300 }, (_, at) => `role-number-${at}`);
  const passport = await inspect(await makeToken({ roles }));
  assert.match(passport.text, /✗ passport .*seen \d{4,} bytes/);
  assert.match(passport.text, /a\s+higher\s+maxTokenBytes\s+does\s+not\s+help/);
});

Deno.test("a path that is one name with a dot is shown as such, and as missing", async () => {
  const inspectRoles = async (roles: unknown) => {
    const ISSUERS = JSON.stringify([{ ...row, claims: { roles } }]);
    const token = await makeToken({ realm_access: { roles: ["learner"] } });
    const { text } = await inspect(token, { variables: { ISSUERS, EDGEPASS_HOME: "/nowhere" } });
    return text.replaceAll(/\s+/g, " ");
  };
  assert.match(
    await inspectRoles("realm_access.roles"),
    /roles in "realm_access\.roles": no such claim in this token\)/,
  );
  for (const path of [["realm_access", "roles"], { from: ["realm_access", "roles"] }]) {
    assert.match(await inspectRoles(path), /\(roles in \["realm_access","roles"\]\)/);
  }
});

Deno.test("a remedy says first that this may be an ID token, before the row is loosened", async () => {
  for (const changes of [{ aud: "web" }, { org: null }, { azp: "tv" }]) {
    const { text } = await inspect(await makeToken(changes));
    assert.match(text, /What to do: This may be an ID token, or a token for another API/);
  }
});

Deno.test("without a start of dev and without ISSUERS nothing is checked, and the output names the reason", async () => {
  const { text, code } = await inspect(await makeToken(), {
    variables: { EDGEPASS_HOME: "/nowhere" },
  });
  assert.equal(code, 2);
  assert.match(text, /no dev has run in \/nowhere: start deno task dev/);
});

Deno.test("a revoked token fails at revocation where the settings name Redis", async () => {
  const folder = await Deno.makeTempDir({ prefix: "edgepass-token-" });
  const entries = new Map([["rv:ready", "1"]]);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const commands: string[][] = await request.json();
    return Response.json(commands.map(([, ...keys]) => ({
      result: keys.map((one) => entries.get(one) ?? null),
    })));
  });
  try {
    const variables = {
      ISSUERS: JSON.stringify([row]),
      UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${server.addr.port}`,
      UPSTASH_REDIS_REST_TOKEN: "redis-token",
    };
    const token = await makeToken({ sid: "s1" });
    const valid = await inspect(token, { variables });
    assert.deepEqual([valid.code, valid.marked.at(-2)], [0, "✓ revocation"], valid.text);
    assert.match(valid.text, /\nAccepted\./);
    entries.set("rv:s:acme:s1", "1");
    const revoked = await inspect(token, { variables });
    assert.deepEqual([revoked.code, revoked.marked.at(-2)], [1, "✗ revocation"], revoked.text);
    assert.match(revoked.text, /\nRefused: revoked:login\. The caller gets 401 token_revoked\./);
    assert.ok(!revoked.text.includes("redis-token"));
    const roles = Array.from({ length: 300 }, (_, at) => `role-number-${at}`);
    const large = await inspect(await makeToken({ sid: "s1", plan: "", roles }), { variables });
    assert.match(large.text, /\nRefused: revoked:login\./, "as at the gateway");
    // The variable that dev was started with is often still in the shell.
    const { ISSUERS, ...redis } = variables;
    const dev = { PORT: "1", PUBLIC_ORIGIN: "http://127.0.0.1:1", ...redis };
    const lines = Object.entries(dev).map(([name, value]) => `${name}='${value}'\n`);
    Deno.writeTextFileSync(`${folder}/dev.env`, lines.join(""));
    const inShell = await inspect(token, { variables: { ISSUERS, EDGEPASS_HOME: folder } });
    assert.deepEqual([inShell.code, inShell.marked.at(-2)], [1, "✗ revocation"], inShell.text);
    assert.match(
      inShell.text,
      /the environment, with revocations of http:\/\/127\.0\.0\.1:1: acme/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
    await server.shutdown();
  }
});

Deno.test("a key set that cannot be read decides nothing", async () => {
  const ISSUERS = JSON.stringify([{ ...row, jwks: "http://127.0.0.1:1/keys" }]);
  const { text, code, marked } = await inspect(await makeToken(), { variables: { ISSUERS } });
  assert.equal(code, 2);
  assert.ok(marked.includes("✗ key"), text);
  assert.match(
    text,
    /\nNot decided: the gateway responds 503 while the keys of acme cannot be read/,
  );
});

Deno.test("without ISSUERS in the environment dev's own are used, and its auth service's keys", async () => {
  const folder = await Deno.makeTempDir({ prefix: "edgepass-token-" });
  const own = await createIssuerKey("EdDSA", "own");
  const hosts: (string | null)[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    hosts.push(request.headers.get("host"));
    return Response.json({ keys: [own.jwk] });
  });
  try {
    const origin = "http://edgepass.test";
    const settings = {
      PORT: String(server.addr.port),
      PUBLIC_ORIGIN: origin,
      ISSUERS: JSON.stringify([row]),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
    Deno.writeTextFileSync(`${folder}/dev.env`, lines.join(""));
    const variables = { EDGEPASS_HOME: folder };
    assert.equal((await inspect(await makeToken(), { variables })).code, 0);
    const token = await signParts({
      header: { alg: "EdDSA", kid: "own", typ: "at+jwt" },
      payload: { ...claims, iss: origin, aud: origin, jti: "j", sid: "s", uv: 1 },
      key: own,
    });
    const { text, code } = await inspect(token, { variables });
    assert.equal(code, 0, text);
    assert.match(text, /subject +user:ada-7\n/);
    assert.deepEqual(hosts, ["edgepass.test"]);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});

/** The task as a process, which may not write: no token can reach a file. */
async function run(args: readonly string[], input: string) {
  const tasks = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const command: string = tasks.tasks.token;
  assert.doesNotMatch(command, /allow-(all|write|run)|-A/);
  const [, ...words] = command.split(" ");
  const process = new Deno.Command(Deno.execPath(), {
    args: [...words.slice(0, -1), "--no-check", ...words.slice(-1), ...args],
    cwd: new URL("../../", import.meta.url).pathname,
    env: { ISSUERS: JSON.stringify([row]) },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("the task reads standard input or an argument, says which of them stays, and has no colours in a pipe", async () => {
  const now = Math.floor(Date.now() / 1000);
  const token = await makeToken({ iat: now, exp: now + 600 });
  const [piped, argument, nothing, tooMany] = await Promise.all([
    run(["-"], token),
    run([await makeToken()], ""),
    run([], "\n"),
    run(["secret-one", "secret-two"], ""),
  ]);
  assert.deepEqual([piped.code, piped.stderr], [0, ""]);
  assert.ok(!piped.stdout.includes("\x1b"));
  assert.match(piped.stdout, /\nAccepted/);
  assert.equal(argument.code, 1);
  assert.match(argument.stderr, /stays in the shell's history; standard input does not/);
  assert.match(argument.stdout, /\nRefused: not_yet_valid/);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /There is no token/);
  assert.equal(tooMany.code, 2);
  assert.ok(!tooMany.stderr.includes("secret"));
});
