import assert from "node:assert/strict";
import fc from "fast-check";
import { importSecret, signJws } from "@edgepass/shared/crypto";
import { createPassportVerifier, policyVersions, profiles } from "@edgepass/shared/passport";
import { readAs010 } from "./stored/0.1.0/passport_claims.ts";

// During an update services of 0.1.0 and of this version verify the same Passports.

const nowSeconds = 1_800_000_000;
const common = {
  iss: "https://api.test",
  aud: "edgepass.test",
  iat: nowSeconds,
  exp: nowSeconds + 30,
  jti: "passport-1",
  txn: "4bf92f3577b34da6a3ce929d0e0e4736",
  roles: ["learner"],
  scope: "read",
  cfg: 7,
};

/** What this version's service gets of a Passport with these claims; undefined where it is refused. */
async function createReader() {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await importSecret({ kid: "k", secret });
  const verify = createPassportVerifier({
    keys: new Map([["k", key]]),
    issuer: common.iss,
    audience: common.aud,
    now: () => nowSeconds * 1000,
  });
  return async function read(claims: object) {
    const token = await signJws(claims, { typ: profiles.S.typ, key });
    return await verify(token).then(({ userId: _, ...read }) => read, (error) => {
      assert.equal(error.code, "passport_invalid");
      return undefined;
    });
  };
}

const id = fc.stringMatching(/^[!-~]{1,20}$/);
const subject = fc.oneof(
  fc.constant("anon"),
  id.map((text) => `user:${text}`),
  id.map((text) => `user:acme:${text}`),
  id.map((text) => `client:acme:${text}`),
  id.map((text) => `key:${text}`),
  id.map((text) => `svc:${text}`),
  fc.string({ maxLength: 20 }),
);
const ext = fc.oneof(
  fc.dictionary(id, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
  fc.jsonValue({ maxDepth: 1 }),
  fc.constant({ long: "x".repeat(600) }),
);
const claims = fc.record({
  sub: subject,
  ext,
  sid: fc.string({ maxLength: 5 }),
  uv: fc.integer({ min: -1, max: 5 }),
  tenant: fc.string({ maxLength: 5 }),
  roles: fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 200 }),
  act: fc.record({ sub: subject }),
}, { requiredKeys: ["sub"] });

Deno.test("a Passport of policy 0.1.0 is read as version 0.1.0 reads it, whatever is in it", async () => {
  const read = await createReader();
  await fc.assert(
    fc.asyncProperty(claims, async (some) => {
      const sent = JSON.parse(JSON.stringify({ pv: "0.1.0", ...common, ...some }));
      // A name with a backslash is refused before any claim is read.
      fc.pre(!JSON.stringify(sent).includes("\\"));
      assert.deepEqual(await read(sent), readAs010(sent, "0.1"));
    }),
    { numRuns: 500 },
  );
});

Deno.test("a service of 0.1.0 reads the users of policy 0.1.1 alike, without their further claims", async () => {
  const read = await createReader();
  const own = { ...common, sid: "login-1", uv: 3, sub: "user:42" };
  for (const [pv, line] of [["0.1.1", "0.1"], ["0.2.1", "0.2"]] as const) {
    const sent = { pv, ...own, tenant: "t-1", roles: ["r".repeat(64), ...own.roles] };
    const more = { ...sent, req_wl: "gateway", ext: { org: 1 } };
    assert.deepEqual(readAs010(more, line), { ...sent, req_wl: "gateway" });
  }
  const sent = { pv: "0.1.1", ...common, sub: "user:acme:t-1:a%2Fb", tenant: "t-1" };
  assert.deepEqual(await read(sent), readAs010(sent, "0.1"));
});

Deno.test("a service of 0.1.0 refuses the subjects that it cannot read", async () => {
  const read = await createReader();
  for (const sub of ["client:acme:ci", "client:acme:t-1:ci", "key:1"]) {
    const sent = { ...common, sub };
    assert.equal((await read({ ...sent, pv: "0.1.1" }))?.sub, sub);
    for (const pv of policyVersions) {
      const line = pv.slice(0, 3) === "0.1" ? "0.1" : "0.2";
      assert.equal(readAs010({ ...sent, pv, req_wl: "gateway" }, line), undefined, `${pv} ${sub}`);
    }
  }
});
