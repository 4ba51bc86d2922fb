import assert from "node:assert/strict";
import { services as serviceNames } from "../app/services.ts";
import { encodeBase64Url, importSecret, readJws, signJws } from "@edgepass/shared/crypto";
import { profiles } from "@edgepass/shared/passport";
import { prometheusName } from "@edgepass/shared/telemetry";
import { startUpstream } from "./suite/gateway_upstreams.ts";
import {
  dataOf,
  type Environment,
  logIn,
  newPerson,
  type Person,
} from "./suite/product_environment.ts";
import { createAccessTokenKey, randomSecret } from "./settings.ts";
import { startLoad } from "./support/load.ts";
import { readSamples } from "./support/samples.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

type Send = Environment["send"];
type Document = Readonly<Record<string, unknown>>;

const names = { S: ["s1", "s2", "s3", "s4", "s5", "s6"], A: ["a1", "a2", "a3", "a4", "a5", "a6"] };
const accessKids = ["k1", "k2", "k3", "k4", "k5", "k6"];

/** Keys for every step of the test; the central configuration selects the active ones. */
async function makeKeys() {
  const secrets = names.S.map((kid) => ({ kid, secret: randomSecret() }));
  const pairs = await Promise.all(names.A.map((kid) => createAccessTokenKey(kid)));
  const access = await Promise.all(
    accessKids.map((kid, at) => createAccessTokenKey(kid, at === 0 ? "signing" : "published")),
  );
  return {
    secrets,
    publicKeys: pairs.map(({ d: _d, state: _state, ...jwk }) => jwk),
    settings: {
      PASSPORT_KEYS: JSON.stringify([
        ...secrets.map((key, at) => ({ ...key, state: at === 0 ? "signing" : "published" })),
        ...pairs.map(({ state: _state, ...jwk }) => ({
          kid: jwk.kid,
          alg: "EdDSA",
          jwk,
          state: "published",
        })),
      ]),
      ACCESS_TOKEN_KEYS: JSON.stringify({ keys: access }),
      LOG_LEVEL: "error",
    },
  };
}

/** A busy machine must look neither like a slow service nor like a flood. */
const patient = { timeoutMs: 20_000, breaker: { slowCallMs: 20_000 } };
const dependencies = Object.fromEntries([...serviceNames, "redis"].map((name) => [name, patient]));

for (
  const placement of ["Deno, all in one", "Deno, split", "workerd, all in one"] as const
) {
  Deno.test(`the policy changes from v0.1.0 to v0.2.0 and back, and keys rotate, under load: ${placement}`, async (t) => {
    const keys = await makeKeys();
    await using echo = startUpstream();
    await using target = await targets[placement](keys.settings);
    const send = createSend(target);
    const base = {
      gateway: {
        dependencies,
        routes: [{ prefix: "/echo", upstream: echo.url, access: "authenticated" }],
      },
      services: Object.fromEntries(serviceNames.map((name) => [name, { dependencies }])),
    };
    const admin = await logIn(send, target.admin);
    const put = async (document: Document, { token: bearer } = admin) => {
      const body = { document: { ...base, ...document } };
      const request = () => send({ method: "PUT", path: "/admin/configuration", bearer, body });
      await waitUntil(
        "the version is in force",
        async () => await statusOf(request()) === 200,
        60_000,
      );
    };
    await put({});
    // One after another: on Workers one network gets two hashes of passwords at a time.
    const people: Awaited<ReturnType<typeof newPerson>>[] = [];
    while (people.length < 3) people.push(await newPerson(send, admin, ["learner"]));
    await enrollEach(send, { admin, people });
    const isWorker = placement.startsWith("workerd");
    await using load = startLoad(isWorker ? 8 : 60, (at) => request(send, people[at % 3]!, at));
    await load.pass();
    const verdicts = async () => isWorker ? {} : await readVerdicts(send, admin);
    /** A step ends once every earlier request has finished, and later requests have arrived. */
    const step = async (document: Document) => {
      await put(document);
      await load.pass();
      await load.pass();
    };
    const passportOf = async () => {
      const planted = { "x-passport": "planted", "Txn-Token": "planted", "txn_token": "planted" };
      const response = await send({ path: "/echo", bearer: people[0]!.token, headers: planted });
      await response.body?.cancel();
      const { headers } = echo.last();
      assert.ok([...headers.values()].every((value) => !value.includes("planted")));
      return [headers.get("x-passport") ?? "", headers.get("txn-token")] as const;
    };
    const withA = (kid = "a1", more: object = {}) => ({
      keys: { passport: { [kid]: "signing", ...more }, passportPublic: keys.publicKeys },
    });
    const shadow = { ...withA(), passport: { send: "shadow", accept: ["S"] } };
    const both = { ...withA(), passport: { send: "shadow", accept: ["S", "A"] } };
    const mintA = { ...withA(), passport: { send: "A", accept: ["S", "A"] } };
    const onlyA = { ...withA(), passport: { send: "A", accept: ["A"] } };

    await t.step(
      "shadow: S decides, A is sent too, and every service finds them equal",
      async () => {
        assert.deepEqual(await profileOf(passportOf()), ["S", null]);
        await step(shadow);
        const [passport, txnToken] = await passportOf();
        const [one, other] = [claimsOf(passport), claimsOf(txnToken ?? "")];
        assert.deepEqual([one.pv, other.pv, other.req_wl], ["0.1.0", "0.2.0", "gateway"]);
        const { pv: _pv, req_wl: _workload, ...same } = other;
        assert.deepEqual(same, Object.fromEntries(Object.entries(one).filter(([k]) => k !== "pv")));
        const { match = 0, mismatch = 0, absent = 0 } = await verdicts();
        assert.deepEqual([mismatch, absent], [0, 0]);
        assert.ok(isWorker || match > 100, String(match));
      },
    );

    await t.step("a wrong key in a service is counted, and no request is refused", async () => {
      const [a1, a2] = keys.publicKeys;
      const wrong = [{ ...a1!, x: a2!.x }];
      await step({ ...shadow, keys: { ...shadow.keys, passportPublic: wrong } });
      const { mismatch = 0 } = await verdicts();
      assert.ok(isWorker || mismatch > 10, String(mismatch));
      await step(shadow);
      const before = await verdicts();
      await load.pass();
      const after = await verdicts();
      assert.equal(after.mismatch, before.mismatch);
    });

    await t.step(
      "both profiles are accepted, then A is issued: by route, then everywhere",
      async () => {
        await step(both);
        await step({
          ...both,
          passport: { ...both.passport, sendByRoute: { "/users/me": "A", "/echo/*": "A" } },
        });
        const [byRoute, copy] = await passportOf();
        assert.deepEqual([claimsOf(byRoute).pv, byRoute === copy], ["0.2.0", true]);
        await step(mintA);
        assert.deepEqual(await profileOf(passportOf()), ["A", "A"]);
      },
    );

    await t.step("S is disabled, and Passports signed with its key are refused", async () => {
      const forged = await forgeS(target, keys.secrets[0]!);
      for (const fetch of Object.values(target.services)) {
        assert.equal(await statusOf(fetch("/livez", {})), 200);
      }
      const course = target.services.course;
      const asForged = { headers: { "x-passport": forged } };
      if (course) assert.equal(await statusOf(course("/courses", asForged)), 200);
      await step(onlyA);
      if (course) assert.equal(await statusOf(course("/courses", asForged)), 401);
      assert.deepEqual(await profileOf(passportOf()), ["A", "A"]);
    });

    await t.step("five rotations of the key of A, and the retired one is refused", async () => {
      for (const [at, kid] of names.A.slice(1).entries()) {
        const before = { [names.A[at]!]: "retired" };
        await step({ ...onlyA, ...withA(kid, before) });
        const [passport] = await passportOf();
        assert.equal(readJws(passport, 8192)?.header.kid, kid);
      }
      const [old] = await passportOf();
      await step(onlyA);
      const course = target.services.course;
      const headers = { "x-passport": old, "txn-token": old };
      if (course) assert.equal(await statusOf(course("/courses", { headers })), 200);
      await step({ ...onlyA, ...withA("a1", { a6: "retired" }) });
      await step({ ...onlyA, ...withA("a1", { a6: "revoked" }) });
      if (course) assert.equal(await statusOf(course("/courses", { headers })), 401);
    });

    await t.step("the rollback to v0.1.0 succeeds", async () => {
      for (const document of [mintA, both, shadow]) await step(document);
      await step({});
      assert.deepEqual(await profileOf(passportOf()), ["S", null]);
    });

    await t.step("five rotations of the key of S, and the retired one is refused", async () => {
      const old = await forgeS(target, keys.secrets[0]!);
      const states: Record<string, string> = {};
      for (const [at, kid] of names.S.slice(1).entries()) {
        Object.assign(states, { [names.S[at]!]: "retired", [kid]: "signing" });
        await step({ keys: { passport: states } });
        const [passport] = await passportOf();
        assert.equal(readJws(passport, 8192)?.header.kid, kid);
      }
      const course = target.services.course;
      const asOld = { headers: { "x-passport": old } };
      if (course) assert.equal(await statusOf(course("/courses", asOld)), 200);
      await step({ keys: { passport: { ...states, s1: "revoked" } } });
      if (course) assert.equal(await statusOf(course("/courses", asOld)), 401);
    });

    await t.step(
      "five rotations of the key of access tokens, and a revoked one is refused",
      async () => {
        const states: Record<string, string> = {};
        // A revoked key that signs again at once would be one that verifiers do not have yet.
        const passport = { s1: "retired", s6: "signing" };
        for (const [at, kid] of accessKids.slice(1).entries()) {
          Object.assign(states, { [accessKids[at]!]: "retired", [kid]: "signing" });
          await step({ keys: { access: states, passport } });
          const { token } = await logIn(send, people[at % 3]!);
          assert.equal(readJws(token, 8192)?.header.kid, kid);
        }
        assert.deepEqual(load.failures, []);
        await load.end();
        const last = await logIn(send, target.admin);
        await put({ keys: { access: { ...states, k1: "revoked" }, passport } }, last);
        const old = await send({ path: "/users/me", bearer: people[0]!.token });
        assert.deepEqual([old.status, (await old.json()).error.code], [401, "token_revoked"]);
        const jwks = await (await send({ path: "/.well-known/jwks.json" })).json();
        assert.deepEqual(jwks.keys.map(({ kid }: { kid: string }) => kid), accessKids.slice(1));
      },
    );

    assert.deepEqual(load.failures, []);
    assert.ok(load.completed() > 1_000, String(load.completed()));
  });
}

function createSend(target: Target): Send {
  return ({ method = "GET", path, bearer, headers = {}, body }) =>
    target.fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

/** Reading a user's enrollments calls three services in a chain. */
async function enrollEach(
  send: Send,
  { admin, people }: { admin: Person; people: readonly Person[] },
): Promise<void> {
  const { token: bearer } = await newPerson(send, admin, ["instructor"]);
  const body = { title: "Tides", summary: "Why the sea comes and goes" };
  const { id } = await dataOf(send({ method: "POST", path: "/courses", bearer, body }), 201);
  const lesson = { title: "The moon", content: "It pulls" };
  const path = `/courses/${id}`;
  await dataOf(send({ method: "POST", path: `${path}/lessons`, bearer, body: lesson }), 201);
  await dataOf(send({ method: "POST", path: `${path}/publish`, bearer }));
  for (const { token } of people) {
    const enrollment = {
      method: "POST",
      path: "/enrollments",
      bearer: token,
      body: { courseId: id },
    };
    await dataOf(send(enrollment), 201);
  }
}

/**
 * A user's request, and what is wrong with the response: another status, or another user's data.
 */
async function request(
  send: Send,
  { id, token: bearer }: Person,
  at: number,
): Promise<string | null> {
  const path = ["/users/me", "/enrollments", "/courses", "/auth/sessions"][at % 4]!;
  const response = await send({ path, bearer });
  const { data, error } = await response.json();
  if (response.headers.has("x-passport-verdict")) return `${path} shows a verdict`;
  if (response.status !== 200) return `${path} ${response.status} ${error?.code}`;
  if (path === "/users/me" && data.id !== id) return `${path} is another user's`;
  if (path === "/enrollments" && data.items.length !== 1) return `${path} is another user's`;
  return null;
}

async function readVerdicts(send: Send, admin: Person): Promise<Record<string, number>> {
  const text = await (await send({ path: "/metrics", bearer: admin.token })).text();
  const compared = readSamples(text).filter(({ name, labels }) =>
    name === prometheusName("edgepass.passports.compared") &&
    serviceNames.includes(labels.edgepass_service ?? "")
  );
  const sums: Record<string, number> = {};
  for (const { labels: { edgepass_passport_verdict: verdict = "" }, value } of compared) {
    sums[verdict] = (sums[verdict] ?? 0) + value;
  }
  return sums;
}

async function profileOf(
  pending: Promise<readonly [passport: string, txnToken: string | null]>,
): Promise<(string | null)[]> {
  return (await pending).map((token) => {
    if (token === null) return null;
    const typ = readJws(token, 8192)?.header.typ;
    return Object.entries(profiles).find(([, profile]) => profile.typ === typ)?.[0] ?? "none";
  });
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(readJws(token, 8192)?.payload));
}

/** The Passport that a compromised service could forge under profile S. */
async function forgeS(
  { settings }: Target,
  { kid, secret }: { kid: string; secret: string },
): Promise<string> {
  const bytes = Uint8Array.fromBase64(secret, { alphabet: "base64url" });
  const iat = Math.floor(Date.now() / 1000);
  return await signJws({
    pv: profiles.S.versions[0],
    iss: settings.PUBLIC_ORIGIN,
    aud: "edgepass.local",
    iat,
    exp: iat + 300,
    jti: encodeBase64Url(crypto.getRandomValues(new Uint8Array(16))),
    txn: crypto.randomUUID().replaceAll("-", ""),
    sub: "anon",
    roles: [],
    scope: "",
    cfg: 0,
  }, { typ: profiles.S.typ, key: await importSecret({ kid, secret: bytes }) });
}

async function statusOf(pending: Promise<Response>): Promise<number> {
  const response = await pending;
  await response.body?.cancel();
  return response.status;
}
