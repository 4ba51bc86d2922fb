import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import type { Effects } from "./context.ts";
import { askIssuers, checkIssuers } from "./issuers.ts";

const settings = { ISSUERS: "[]" };

const look = (
  issuerReports: Effects["issuerReports"],
  context = createDoctorContext({ settings }),
) => checkIssuers(context, createEffects({ issuerReports }));

const whole = { alias: "corp", usable: ["ES256", "RS256"], missing: [], dropped: "" };

Deno.test("an issuer with a key for each algorithm passes, and its unused keys are named", async () => {
  const dropped = 'key 1 ("e") is not for signatures';
  const found = await look(() => Promise.resolve([whole, { ...whole, alias: "other", dropped }]));
  assert.deepEqual(allWell(found), [
    "corp has keys for ES256, RS256",
    `other has keys for ES256, RS256; not used: ${dropped}`,
  ]);
});

Deno.test("an algorithm of a row without a key is a warning", async () => {
  const found = await look(() => Promise.resolve([{ ...whole, missing: ["PS256"] }]));
  assert.equal(
    troubleOf(found),
    "warn: corp has no key for PS256 → take PS256 out of its algorithms, if none will come",
  );
});

Deno.test("an issuer whose keys cannot be used fails, with the reason", async () => {
  const fault = "OpenID configuration: no connection";
  const found = await look(() => Promise.resolve([{ alias: "corp", fault }]));
  assert.equal(
    troubleOf(found),
    `fail: corp: ${fault} → check its iss, discovery, jwks and algorithms in ISSUERS, and the way to it`,
  );
});

Deno.test("issuers of a setting that is refused are not asked", async () => {
  const found = await look(() => Promise.reject(new TypeError("refused")));
  assert.equal(
    troubleOf(found),
    "warn: they were not asked → fix ISSUERS, which settings reports above",
  );
});

Deno.test("without issuers or without a gateway nothing is asked", async () => {
  const never = () => assert.fail("asked");
  assert.deepEqual(await look(never, createDoctorContext()), []);
  assert.deepEqual(await look(never, createDoctorContext({ settings, parts: ["auth"] })), []);
});

Deno.test("issuers are asked for their keys as the gateway asks them", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = { ...await crypto.subtle.exportKey("jwk", pair.publicKey), key_ops: ["verify"] };
  const requested: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { origin, pathname } = new URL(url);
    requested.push(pathname);
    const keys = [{ ...jwk, kid: "a" }, { kty: "RSA", kid: "b", use: "enc" }];
    return pathname === "/keys"
      ? Response.json({ keys })
      : Response.json({ issuer: `${origin}/good`, jwks_uri: `${origin}/keys` });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const row = { audience: "api", algorithms: ["ES256", "ES384"] };
  const ISSUERS = JSON.stringify([
    { ...row, alias: "good", iss: `${origin}/good` },
    { ...row, alias: "bad", iss: `${origin}/bad` },
  ]);
  const reports = await askIssuers(createDoctorContext({ settings: { ISSUERS } }));
  assert.deepEqual(reports, [
    {
      alias: "good",
      usable: ["ES256"],
      missing: ["ES384"],
      dropped: 'key 1 ("b") is not for signatures',
    },
    {
      alias: "bad",
      fault: `OpenID configuration: its issuer is "${origin}/good", not "${origin}/bad"`,
    },
  ]);
  assert.deepEqual(requested.toSorted(), [
    "/bad/.well-known/openid-configuration",
    "/good/.well-known/openid-configuration",
    "/keys",
  ]);
});
