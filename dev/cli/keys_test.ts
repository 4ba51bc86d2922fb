import type { ConfiguredKeyState } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { ApiFailure } from "../system/api_client.ts";
import { runKeys } from "./keys.ts";
import type { KeySystem } from "./keys/key_rings.ts";

type States = Readonly<Record<string, ConfiguredKeyState>>;
interface PublicKey {
  kid: string;
}
interface Keys {
  access?: States;
  passport?: States;
  passportPublic?: PublicKey[];
}

const begin = Date.parse("2026-01-05T09:00:00Z");

const ofA: States = { ed1: "signing", ed2: "published" };
const firstKeys: States = { a1: "signing", a2: "published" };

/**
 * A system with two keys of each kind, which follows its configuration at once; `race` runs before
 * each change, as another administrator would.
 */
function setup({ own = firstKeys, publicKeys = [], keys = {}, updateFile = {} }: {
  own?: States;
  publicKeys?: readonly PublicKey[];
  keys?: Keys;
  updateFile?: KeySystem["updateFile"];
} = {}) {
  const state = { version: 3, keys, now: begin, gateway: {} as object, material: { ...own } };
  const history = [{ version: 3, changedAt: begin, changed: pathsOf({}, keys) }];
  const puts: { keys: Keys; comment: string }[] = [];
  let race = (): void => {};
  let during = (): void => {};
  const inForce = (kind: "access" | "passport"): States => {
    const states = state.keys[kind] ?? {};
    const isChosen = Object.values(states).includes("signing");
    return Object.fromEntries(
      Object.entries(state.material).map(([kid, own]) => {
        const past = isChosen && own === "signing" ? "retired" : own;
        return [kid, states[kid] ?? past];
      }),
    );
  };
  const signerOf = (kind: "access" | "passport") =>
    Object.entries(inForce(kind)).find(([, state]) => state === "signing")?.[0] ?? "none";
  const document = () => ({ gateway: state.gateway, keys: state.keys });
  function put(document: { keys: Keys }, comment: string): void {
    state.version++;
    const changed = pathsOf(state.keys, document.keys);
    history.unshift({ version: state.version, changedAt: state.now, changed });
    state.keys = document.keys;
    puts.push({ keys: document.keys, comment });
  }
  function call(method: string, path: string, body?: unknown): Promise<unknown> {
    if (path.startsWith("/admin/configuration/history")) {
      const items = history.map((one) => ({
        ...one,
        changedAt: new Date(one.changedAt).toISOString(),
      }));
      return Promise.resolve({ items, nextCursor: null });
    }
    if (path === "/admin/keys") {
      const all = Object.entries(inForce("passport")).map(([kid, now]) => ({
        kid,
        profile: kid.startsWith("ed") ? "A" : "S",
        state: now,
        from: state.keys.passport?.[kid] ? "central" : "own",
        publicKey: publicKeys.find((key) => key.kid === kid),
      }));
      return Promise.resolve({ version: state.version, keys: all });
    }
    if (method === "PUT") {
      race();
      const proposed = body as { document: { keys: Keys }; ifVersion: number; comment: string };
      if (proposed.ifVersion !== state.version) {
        return Promise.reject(new ApiFailure("PUT /admin/configuration", 409, "conflict"));
      }
      put(proposed.document, proposed.comment);
    }
    return Promise.resolve({ version: state.version, document: document() });
  }
  const system: KeySystem = {
    call,
    publicKids: () =>
      Promise.resolve(
        Object.entries(inForce("access")).filter(([, now]) => now !== "revoked").map(([kid]) =>
          kid
        ),
      ),
    freshKid: () => Promise.resolve(signerOf("access")),
    updateFile,
    leewaySeconds: 5,
  };
  const reported: string[] = [];
  const slept: number[] = [];
  const run = (...args: string[]) =>
    runKeys(args, (work) => work(system), {
      now: () => state.now,
      sleep: (ms) => {
        state.now += ms;
        during();
        slept.push(ms);
        return Promise.resolve();
      },
      report: (line) => void reported.push(line),
    });
  const another = (change: object) => {
    state.version++;
    state.gateway = change;
  };
  return {
    run,
    state,
    puts,
    reported,
    slept,
    another,
    raceWith: (other: () => void) => race = other,
    waitWith: (other: () => void) => during = other,
  };
}

function pathsOf(before: Keys, after: Keys): string[] {
  const kinds = ["access", "passport"] as const;
  return kinds.flatMap((kind) =>
    Object.entries(after[kind] ?? {}).filter(([kid, state]) => before[kind]?.[kid] !== state)
      .map(([kid]) => `keys.${kind}.${kid}`)
  );
}

for (const kind of ["access", "passport"] as const) {
  Deno.test(`keys rotate ${kind} publishes, waits, and lets the next key sign`, async () => {
    const { run, puts, slept, state } = setup();
    const { text, code } = await run("rotate", kind);
    assert.equal(code, 0, text);
    assert.match(text, new RegExp(`The ${kind} key a2 signs; a1 verifies`));
    assert.deepEqual(puts.map(({ keys }) => keys[kind]), [
      { a1: "signing", a2: "published" },
      { a1: "retired", a2: "signing" },
    ]);
    assert.deepEqual(slept, [60_000]);
    assert.deepEqual(state.keys[kind], { a1: "retired", a2: "signing" });
  });
}

Deno.test("keys rotate publishes the first key of profile A to services before it signs", async () => {
  const { run, puts } = setup({
    own: { ...firstKeys, ed1: "published" },
    publicKeys: [{ kid: "ed1" }],
  });
  const { text, code } = await run("rotate", "passport", "--profile", "A");
  assert.equal(code, 0, text);
  assert.match(text, /ed1 signs the Passports that passport.send requests/);
  assert.deepEqual(puts.map(({ keys }) => keys), [
    { passport: { ed1: "published" }, passportPublic: [{ kid: "ed1" }] },
    { passport: { ed1: "signing" }, passportPublic: [{ kid: "ed1" }] },
  ]);
});

Deno.test("keys rotate publishes a key of profile A, and removes revoked ones", async () => {
  const { run, puts } = setup({
    own: ofA,
    publicKeys: [{ kid: "ed1" }, { kid: "ed2" }],
    keys: {
      passport: { ed0: "revoked", ed2: "published" },
      passportPublic: [{ kid: "ed0" }, { kid: "ed1" }],
    },
  });
  assert.equal((await run("rotate", "passport")).code, 0);
  assert.deepEqual(puts.map(({ keys }) => [keys.passport?.ed2, keys.passportPublic]), [
    ["published", [{ kid: "ed1" }, { kid: "ed2" }]],
    ["signing", [{ kid: "ed1" }, { kid: "ed2" }]],
  ]);
});

Deno.test("keys rotate warns about the risk of a shorter wait", async () => {
  const { run, slept, reported } = setup();
  assert.equal((await run("rotate", "access", "--wait", "2")).code, 0);
  assert.deepEqual(slept, [2_000]);
  assert.match(reported[0] ?? "", /a service that has not read the new key by then refuses/);
});

Deno.test("an interrupted keys rotate waits only the remaining time", async () => {
  const { run, state, slept, puts } = setup({
    keys: { access: { a1: "signing", a2: "published" } },
  });
  state.now += 45_000;
  assert.equal((await run("rotate", "access")).code, 0);
  assert.deepEqual(slept, [15_000]);
  assert.equal(puts.length, 1);
  const late = setup({ keys: { access: { a1: "signing", a2: "published" } } });
  late.state.now += 100_000;
  assert.equal((await late.run("rotate", "access")).code, 0);
  assert.deepEqual(late.slept, []);
});

Deno.test("keys rotate preserves a concurrent change of another administrator", async () => {
  const { run, state, raceWith, another } = setup();
  let times = 0;
  raceWith(() => times++ < 2 && another({ logLevel: "debug" }));
  assert.equal((await run("rotate", "access")).code, 0);
  assert.deepEqual(state.gateway, { logLevel: "debug" });
  assert.deepEqual(state.keys.access, { a1: "retired", a2: "signing" });
});

Deno.test("keys rotate gives up after repeated conflicts", async () => {
  const { run, puts, raceWith, another } = setup();
  raceWith(() => another({}));
  const { text, code } = await run("rotate", "access");
  assert.deepEqual([code, puts], [1, []]);
  assert.match(text, /keep changing the configuration/);
});

Deno.test("keys rotate stops when the next key was revoked during the wait", async () => {
  const { run, state, puts, waitWith, another } = setup();
  waitWith(() => {
    state.keys = { access: { a1: "signing", a2: "revoked" } };
    another({});
  });
  const { text, code } = await run("rotate", "access");
  assert.equal(code, 1);
  assert.match(text, /no next access key/);
  assert.deepEqual(puts.map(({ keys }) => keys.access?.a2), ["published"]);
});

Deno.test("keys rotate adds a new key where the system reads a file", async () => {
  const fresh = (): void =>
    void (keyRings.state.material = { ...keyRings.state.material, a9: "published" });
  const updateFile = {
    access: () => {
      fresh();
      return Promise.resolve({ kid: "a9", path: "keys.json" });
    },
  };
  const keyRings = setup({ own: { a1: "signing" }, updateFile });
  const { text, code } = await keyRings.run("rotate", "access", "--wait", "0");
  assert.equal(code, 0, text);
  assert.deepEqual(keyRings.state.keys.access, { a1: "retired", a9: "signing" });
});

Deno.test("keys revoke lets the next key sign in the same version, and reports what becomes invalid", async () => {
  const { run, puts } = setup();
  const { text, code } = await run("revoke", "passport", "a1");
  assert.equal(code, 0, text);
  assert.deepEqual(puts.map(({ keys }) => keys.passport), [{ a1: "revoked", a2: "signing" }]);
  assert.match(text, /a1 is revoked, a2 signs\nEvery Passport that it signed is dead/);
  assert.match((await run("revoke", "passport", "a1")).text, /revoked already/);
});

Deno.test("keys retire takes a key out of use once its time is over", async () => {
  const { run, state } = setup({ keys: { access: { a1: "retired", a2: "signing" } } });
  state.now += 965_000;
  assert.equal((await run("retire", "access", "a1")).code, 0);
  assert.deepEqual(state.keys.access, { a1: "revoked", a2: "signing" });
});

Deno.test("keys list shows the state of each key, its source, and the next step", async () => {
  const { run } = setup({ keys: { access: { a1: "retired", a2: "signing", a0: "revoked" } } });
  const { text, code } = await run("list");
  assert.equal(code, 0);
  const since = "central, version 3 since 2026-01-05T09:00:00.000Z";
  assert.deepEqual(text.split("\n").map((line) => line.split(/ {2,}/)), [
    ["kind", "kid", "profile", "state", "by", "next"],
    ["access", "a1", "-", "retired", since, "is revoked automatically"],
    ["access", "a2", "-", "signing", since, "rotate access"],
    ["access", "a0", "-", "revoked", since, "remove it from the secret"],
    ["passport", "a1", "S", "signing", "the secret", "rotate passport"],
    ["passport", "a2", "S", "published", "the secret", "signs next"],
  ]);
});

const retired = { access: { a1: "retired", a2: "signing" } } as const;
const refused = {
  "a rotation without a next access key": [
    { own: { a1: "signing" } },
    "rotate access",
    /There is no next access key: .* ACCESS_TOKEN_KEYS of auth .* wrangler secret put ACCESS_TOKEN/,
  ],
  "a rotation without a next Passport key": [
    { own: { a1: "signing" } },
    "rotate passport",
    /PASSPORT_KEYS of the gateway and of every service .*Deno Deploy.*PASSPORT_KEYS_FILE/,
  ],
  "a rotation to a key that is retired": [
    { keys: { access: { a1: "signing", a2: "retired" } } },
    "rotate access",
    /no next access key/,
  ],
  "a rotation of a profile that has no key": [
    {},
    "rotate passport --profile A",
    /no next passport key: add an Ed25519 key .+deno task keys:new A/,
  ],
  "a key of profile A that services do not have, and whose public half is unknown": [
    { own: ofA },
    "rotate passport",
    /add its public half to keys.passportPublic/,
  ],
  "a retirement before its time": [
    { keys: retired },
    "retire access a1",
    /until 2026-01-05T09:16:05/,
  ],
  "a retirement of the signer": [{}, "retire access a1", /a1 signs: deno task keys rotate access/],
  "a retirement of the next key": [{}, "retire access a2", /has not signed yet/],
  "a retirement that only the secret states": [
    { own: { a1: "signing", a2: "retired" } },
    "retire passport a2",
    /remove it from the secret/,
  ],
  "a revocation after which nothing could sign": [
    { own: { a1: "signing" } },
    "revoke access a1",
    /no next access key/,
  ],
  "a key that is not there": [{}, "revoke access a7", /There is no access key a7/],
} as const;

for (const [what, [given, args, reason]] of Object.entries(refused)) {
  Deno.test(`keys refuses ${what}, in one line, and changes nothing`, async () => {
    const { run, puts } = setup(given);
    const { text, code } = await run(...args.split(" "));
    assert.equal(code, 1, text);
    assert.match(text, reason);
    assert.ok(!text.includes("\n"));
    assert.deepEqual(puts, []);
  });
}

const misused = [
  "",
  "list all",
  "rotate",
  "rotate refresh",
  "rotate access --wait",
  "rotate access --wait soon",
  "rotate access --profile S",
  "retire access",
  "revoke access --all",
  "revoke access a1 a2",
  "publish access a1",
];
for (const args of misused) {
  Deno.test(`keys does nothing for "${args}"`, async () => {
    const { run, puts } = setup();
    const { text, code } = await run(...args.split(" ").filter((arg) => arg !== ""));
    assert.equal(code, 2);
    assert.match(text, /^Usage: deno task keys list/);
    assert.deepEqual(puts, []);
  });
}
