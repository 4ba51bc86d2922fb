import assert from "node:assert/strict";
import { encodeBase64Url, importSecret, type SigningKey } from "@edgepass/shared/crypto";
import { createPassportVerifier } from "@edgepass/shared/passport";
import { readFences, readProjectFile, writeFiles } from "./support/markdown.ts";
import { hasPython } from "./support/python.ts";
import { forge } from "./suite/core/keys.ts";
import { jsonTricks, textTricks } from "./suite/core/text_tricks.ts";

const now = 1_800_000_000;
const header = { alg: "HS256", typ: "passport+jwt", kid: "now" };
const claims = {
  pv: "0.1.0",
  iss: "https://api.test",
  aud: "edgepass.test",
  iat: now - 1,
  exp: now + 29,
  jti: "passport-1",
  txn: "4bf92f3577b34da6a3ce929d0e0e4736",
  sub: "user:42",
  sid: "login-1",
  roles: ["learner"],
  scope: "read",
  uv: 3,
  cfg: 0,
};

interface Change {
  readonly header?: object | string;
  readonly claims?: object;
  readonly payload?: string | Uint8Array;
  readonly signer?: "next" | "stranger";
  readonly mangle?: (token: string) => string;
}

const others = { sid: undefined, uv: undefined };
/** Claims of policy 0.1.1 for a subject that is no user of ours. */
const later = (sub: string) => ({ ...others, pv: "0.1.1", sub });

const accepted: Readonly<Record<string, Change>> = {
  "a user": {},
  "a user of another issuer": { claims: { ...others, sub: "user:idp:auth0|42" } },
  "the anonymous caller": { claims: { ...others, sub: "anon" } },
  "a service": { claims: { ...others, sub: "svc:course" } },
  "the next key": { header: { kid: "next" }, signer: "next" },
  "a later patch": { claims: { pv: "0.1.12" } },
  "an unknown claim": { claims: { admin: true } },
  "claims it does not read": { claims: { req_wl: "gateway", act: { sub: "user:9" } } },
  "a client of another issuer": { claims: later("client:acme:ci%2F1") },
  "an API key": { claims: later("key:k_1") },
  "further claims": { claims: { pv: "0.1.1", ext: { org: { id: 1 }, tags: ["학습자"] } } },
  "further claims of exactly 512 bytes": {
    claims: { pv: "0.1.1", ext: { e: "é".repeat(252) } },
  },
  "further claims under policy 0.1.0, which are dropped": { claims: { ext: "x".repeat(600) } },
  "many roles": { claims: { roles: Array.from({ length: 300 }, (_, at) => `r${at}`) } },
  "the limit of iat": { claims: { iat: now + 5, exp: now + 35 } },
  "the limit of exp": { claims: { iat: now - 30, exp: now - 4 } },
  "a lifetime of 300 s": { claims: { exp: now + 299 } },
  "strings beyond ASCII": { claims: { roles: ["학습자"], jti: "é\n" } },
};

const misfits: readonly object[] = [
  { pv: "0.2.0" },
  { pv: "0.11.0" },
  { pv: "0.1" },
  { pv: "0.1.0\n" },
  { pv: "0.1.٣" },
  { iss: "https://api.test/" },
  { aud: "production.test" },
  { aud: ["edgepass.test"] },
  { iat: now + 6, exp: now + 36 },
  { iat: now - 35, exp: now - 5 },
  { exp: now + 300 },
  { exp: now - 1 },
  { exp: now - 2 },
  { exp: String(now) },
  { iat: now - 0.5 },
  { iat: true },
  { iat: -1 },
  { jti: "" },
  { jti: "j".repeat(513) },
  { txn: "0".repeat(32) },
  { txn: "A".repeat(32) },
  { txn: `${"a".repeat(32)}\n` },
  { sub: "42" },
  { sub: "user:" },
  { sub: "user:4 2" },
  { sub: "user:é" },
  { sub: "anonymous" },
  { sub: "anon\n" },
  { sub: "svc:Course" },
  { sub: `user:${"4".repeat(508)}` },
  { ...later("client:acme:ci"), pv: "0.1.0" },
  { ...later("key:1"), pv: "0.1.0" },
  later("client:ci"),
  later("client:Acme:ci"),
  later("client:acme:"),
  later("client:acme:c i"),
  later("key:"),
  later("key:1:2"),
  later("key:é"),
  later("device:1"),
  { pv: "0.1.1", sid: undefined },
  { pv: "0.1.1", ext: "x" },
  { pv: "0.1.1", ext: [] },
  { pv: "0.1.1", ext: null },
  { pv: "0.1.1", ext: { e: "é".repeat(252) + "x" } },
  { sid: null },
  { sid: "" },
  { uv: 1.5 },
  { uv: "3" },
  { uv: 2 ** 53 },
  { sub: "anon", sid: 1 },
  { roles: "admin" },
  { roles: [1] },
  { roles: [""] },
  { scope: ["read"] },
  { scope: null },
  { cfg: -1 },
];

const headers: readonly (object | string)[] = [
  { typ: "JWT" },
  { typ: "at+jwt" },
  { typ: "Passport+JWT" },
  { typ: undefined },
  { alg: "none" },
  { alg: "HS512" },
  { alg: "hs256" },
  { alg: ["HS256"] },
  { alg: undefined },
  { kid: "other" },
  { kid: "" },
  { kid: 1 },
  { kid: ["now"] },
  { kid: { now: 1 } },
  { kid: undefined },
  { crit: ["exp"] },
  { b64: false },
  { jwk: { kty: "oct", k: "AA" } },
  { cty: "json" },
  JSON.stringify(header).replace("{", '{"__proto__":1,'),
  "[".repeat(2900),
];

const refused: Readonly<Record<string, Change>> = {
  "a signature of an unknown key": { signer: "stranger" },
  "the next key's signature under this kid": { signer: "next" },
  "a changed payload": { mangle: (token) => token.replace(/\.../, ".AA") },
  ...Object.fromEntries(misfits.map((change) => [
    `claims ${JSON.stringify(change).slice(0, 60)}`,
    { claims: change },
  ])),
  ...Object.fromEntries(
    Object.keys(claims).map((name) => [`no ${name}`, { claims: { [name]: undefined } }]),
  ),
  ...Object.fromEntries(headers.map((change, at) => [`header ${at}`, { header: change }])),
  ...Object.fromEntries(
    Object.entries(textTricks).map(([what, mangle]) => [what, { mangle }]),
  ),
  ...Object.fromEntries(
    Object.entries(jsonTricks).flatMap(([what, trick]): [string, Change][] => {
      const text = trick(JSON.stringify(header));
      const asPayload: [string, Change] = [
        `${what} as payload`,
        { payload: trick(JSON.stringify(claims)) },
      ];
      return typeof text === "string"
        ? [[`${what} as header`, { header: text }], asPayload]
        : [asPayload];
    }),
  ),
  "a genuine Passport of more than 4096 bytes": { claims: { more: "x".repeat(3000) } },
  "NaN in the payload": { payload: JSON.stringify(claims).replace("{", '{"x":NaN,') },
};

interface Domain {
  readonly secrets: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  sign(change: Change): Promise<string>;
}

function createDomain(): Domain {
  const secret = () => crypto.getRandomValues(new Uint8Array(32));
  const secrets = { now: secret(), next: secret() };
  const stranger = secret();
  const signer = async (who: "now" | "next" | "stranger"): Promise<SigningKey> =>
    await importSecret({ kid: who, secret: who === "stranger" ? stranger : secrets[who] });
  return {
    secrets,
    async sign(change) {
      const token = await forge(
        typeof change.header === "string" ? change.header : { ...header, ...change.header },
        change.payload ?? { ...claims, ...change.claims },
        await signer(change.signer ?? "now"),
      );
      return change.mangle?.(token) ?? token;
    },
  };
}

/** The subject of each token; undefined where the guide's Python refuses it. */
async function judgeInPython(
  tokens: readonly string[],
  secrets: Domain["secrets"],
): Promise<(string | null)[]> {
  await using folder = await writeFiles(
    readFences(await readProjectFile("docs/passport/guide.md"))
      .filter(({ file }) => file === "python/passport.py"),
  );
  const program = `
import base64, json, sys
sys.path.insert(0, ${JSON.stringify(`${folder.path}/python`)})
from passport import verify_passport
input = json.load(sys.stdin)
keys = {kid: base64.urlsafe_b64decode(secret + "==") for kid, secret in input["secrets"].items()}
def judge(token):
    try: return verify_passport(token, keys, input["iss"], input["aud"], now=lambda: input["now"])["sub"]
    except (ValueError, RecursionError): return None
print(json.dumps([judge(token) for token in input["tokens"]]))`;
  const child = new Deno.Command("python3", {
    args: ["-c", program],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const encoded = Object.entries(secrets).map(([kid, secret]) => [kid, encodeBase64Url(secret)]);
  const input = { ...claims, now, tokens, secrets: Object.fromEntries(encoded) };
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(input)));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function judgeInTypeScript(
  tokens: readonly string[],
  secrets: Domain["secrets"],
): Promise<(string | null)[]> {
  const keys = await Promise.all(
    Object.entries(secrets).map(([kid, secret]) => importSecret({ kid, secret })),
  );
  const verify = createPassportVerifier({
    keys: new Map(keys.map((key) => [key.kid, key])),
    issuer: claims.iss,
    audience: claims.aud,
    now: () => now * 1000,
  });
  return await Promise.all(tokens.map((token) =>
    verify(token).then(({ sub }) => sub, (error) => {
      assert.equal(error.code, "passport_invalid");
      return null;
    })
  ));
}

Deno.test({
  name:
    "the guide's Python accepts and refuses the same Passports as the service runtime (needs python3)",
  ignore: !await hasPython(),
  async fn() {
    const { secrets, sign } = createDomain();
    const rows = Object.entries({ ...accepted, ...refused });
    const tokens = await Promise.all(rows.map(([, change]) => sign(change)));
    const [python, typeScript] = await Promise.all([
      judgeInPython(tokens, secrets),
      judgeInTypeScript(tokens, secrets),
    ]);
    for (const [at, [what]] of rows.entries()) {
      assert.equal(typeScript[at] !== null, what in accepted, `the service runtime: ${what}`);
      assert.equal(python[at], typeScript[at], `Python: ${what}`);
    }
  },
});

Deno.test("the guide's Python has thirty-six lines, as it promises", async () => {
  const fences = readFences(await readProjectFile("docs/passport/guide.md"));
  const program = fences.find(({ file }) => file === "python/passport.py")?.text ?? "";
  const lines = program.split("\n").filter((line) => line.trim() !== "");
  assert.equal(lines.length, 36);
});
