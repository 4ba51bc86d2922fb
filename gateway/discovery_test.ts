import assert from "node:assert/strict";
import { locateKeySet } from "./discovery.ts";

const iss = "https://id.test";
const configuration = `${iss}/.well-known/openid-configuration`;

/** An issuer whose key set may move, and a clock that the test sets. */
function setup() {
  const state = { now: 0, jwks_uri: `${iss}/keys`, requests: new Array<string>() };
  const jwks = locateKeySet({ iss }, {
    now: () => state.now,
    fetch(url) {
      state.requests.push(url);
      if (url === configuration) {
        return Promise.resolve(Response.json({ issuer: iss, jwks_uri: state.jwks_uri }));
      }
      const status = url === state.jwks_uri ? 200 : 404;
      return Promise.resolve(Response.json({ keys: [] }, { status }));
    },
  });
  assert.ok(typeof jwks === "function");
  const read = async () => (await jwks(AbortSignal.timeout(10_000))).status;
  return { state, read };
}

Deno.test("the configuration is read once in five minutes, so that a reload is one request", async () => {
  const { state, read } = setup();
  assert.deepEqual([await read(), await read()], [200, 200]);
  assert.deepEqual(state.requests, [configuration, `${iss}/keys`, `${iss}/keys`]);
  state.now = 300_001;
  await read();
  assert.deepEqual(state.requests.slice(3), [configuration, `${iss}/keys`]);
});

Deno.test("a key set that has moved is found by the next load", async () => {
  const { state, read } = setup();
  await read();
  state.jwks_uri = "https://keys.test/new";
  await assert.rejects(read(), { message: "key set: status 404" });
  assert.equal(await read(), 200);
  assert.deepEqual(state.requests.slice(-2), [configuration, "https://keys.test/new"]);
});

Deno.test("the reason of a failed request is readable, and shows no URL", async () => {
  for (
    const [signal, message] of [
      [AbortSignal.timeout(10_000), "key set: no connection"],
      [AbortSignal.abort(), "key set: no response in time"],
    ] as const
  ) {
    const jwks = locateKeySet({ iss, jwks: `${iss}/keys` }, {
      now: () => 0,
      fetch: () => Promise.reject(new TypeError("error sending request for url (https://id.test)")),
    });
    assert.ok(typeof jwks === "function");
    await assert.rejects(jwks(signal), { message });
  }
});

Deno.test("an issuer without a URL for its configuration is refused at once", () => {
  for (const text of ["accounts.example", "https://id.test/{tid}/v2.0"]) {
    assert.throws(() => locateKeySet({ iss: text }), RangeError, text);
  }
});

/** The `iss` and the URL of its configuration, the `jwks_uri` in it → whether the keys are read. */
const places: readonly (readonly [iss: string, document: string, jwks_uri: string, boolean])[] = [
  [iss, configuration, "https://keys.test/", true],
  [iss, configuration, "https://169.254.169.254/latest", false],
  [iss, configuration, "https://127.0.0.1/keys", false],
  [iss, configuration, "https://localhost:8080/keys", false],
  [iss, configuration, "https://[fe80::1]/keys", false],
  [iss, configuration, "https://2130706433/keys", false],
  ["http://id.test", "http://id.test/openid", "http://10.0.0.7/keys", false],
  ["http://10.0.0.7", "http://10.0.0.7/openid", "http://10.0.0.8/keys", true],
  [iss, "https://10.0.0.7/openid", "https://10.0.0.7/keys", true],
];
for (const [own, document, jwks_uri, isRead] of places) {
  Deno.test(`the keys of ${own} by ${document} are ${isRead ? "" : "not "}read at ${jwks_uri}`, async () => {
    const requests = new Array<string>();
    const jwks = locateKeySet({ iss: own, discovery: document }, {
      now: () => 0,
      fetch(url) {
        requests.push(url);
        const body = url === document ? { issuer: own, jwks_uri } : { keys: [] };
        return Promise.resolve(Response.json(body));
      },
    });
    assert.ok(typeof jwks === "function");
    const read = jwks(AbortSignal.timeout(10_000));
    if (isRead) assert.equal((await read).status, 200);
    else {
      await assert.rejects(read, {
        message: "OpenID configuration: its jwks_uri is an internal address",
      });
    }
    assert.equal(requests.length, isRead ? 2 : 1);
  });
}
