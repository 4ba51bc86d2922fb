import {
  type GatewayValues,
  initialGatewayValues,
  readConfig,
  staticConfiguration,
} from "@edgepass/shared/configuration";
import { encodeBase64Url, type KeySource } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { indexIssuers } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { reportKeys } from "./admin.ts";
import type { Issuer } from "./issuers.ts";
import {
  createPassportSigningKeys,
  passportSigningKeysSetting,
  prepareKeys,
  readPassportSigningKeys,
} from "./signing_keys.ts";

const schema = z.object({ PASSPORT_KEYS: passportSigningKeysSetting });

function ofS(kid: string, state: string) {
  return { kid, secret: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))), state };
}

/** A gateway's keys and their file. */
async function setup() {
  const first = [ofS("p1", "signing"), ofS("p2", "published")];
  const file = { text: JSON.stringify(first), reads: 0 };
  const lines: string[] = [];
  const log = createLogger({ service: "gateway", sink: (line) => void lines.push(line) });
  const source: KeySource = () => {
    file.reads++;
    return Promise.resolve(file.text);
  };
  const setting = readConfig(schema, { PASSPORT_KEYS: file.text }).PASSPORT_KEYS;
  const keys = createPassportSigningKeys(await readPassportSigningKeys(setting), {
    source,
    log: () => log,
  });
  const kids = () => keys.all().map(({ signing, state }) => [signing.kid, state]);
  return { keys, kids, file, lines, first };
}

const values = (keys: GatewayValues["keys"]): GatewayValues => ({
  ...initialGatewayValues({ logLevel: "info", passportTtlSeconds: 30 }),
  keys,
});

Deno.test("a key that was added to the file is loaded, and existing keys do not change", async () => {
  const { keys, kids, file, first } = await setup();
  const [p1, p2] = first;
  file.text = JSON.stringify([{ ...p1, state: "retired" }, p2, ofS("p3", "signing")]);
  await Promise.all([keys.reload(), keys.reload()]);
  assert.equal(file.reads, 1);
  assert.deepEqual(kids(), [["p1", "signing"], ["p2", "published"], ["p3", "published"]]);
  file.text = JSON.stringify([p1]);
  await keys.reload();
  assert.equal(kids().length, 3);
});

const unusable = {
  "no JSON": "as secret as a key",
  "a short secret": JSON.stringify([{ kid: "p3", secret: "marker-as-secret", state: "signing" }]),
  "nothing": "",
};
for (const [what, text] of Object.entries(unusable)) {
  Deno.test(`a key file with ${what} changes no key, and the log does not quote it`, async () => {
    const { keys, kids, file, lines } = await setup();
    file.text = text;
    await keys.reload();
    assert.equal(kids().length, 2);
    assert.match(lines.join(), /could not be reloaded/);
    assert.ok(!lines.join().includes("as-secret") && !lines.join().includes("as secret"));
  });
}

Deno.test("a version that names missing keys reloads the key file and the issuer's keys", async () => {
  const { keys, file } = await setup();
  const expected: string[][] = [];
  const steps: ((values: GatewayValues) => Promise<void> | undefined)[] = [];
  const issuer = {
    iss: "https://auth.test",
    audience: ["api"],
    algorithms: [],
    typ: [],
    claims: {},
    maxLifeSeconds: 900,
    maxTokenBytes: 4096,
    findKey: () => Promise.resolve(undefined),
    currentKey: () => undefined,
    expectKeys: (kids: readonly string[]) => void expected.push([...kids]),
    readState: () => Promise.resolve("ready" as const),
  };
  const configuration = {
    ...staticConfiguration(values({})),
    prepare: (step: (typeof steps)[number]) => void steps.push(step),
  };
  const issuers = indexIssuers<Issuer>([
    { ...issuer, iss: "https://other.test", alias: "other" },
    issuer,
  ]);
  prepareKeys(configuration, { keys, issuers });
  const prepare = async (named: GatewayValues["keys"]) => {
    await Promise.all(steps.map((step) => step(values(named))));
  };
  await prepare({ passport: { p2: "published", gone: "revoked" }, access: { a2: "published" } });
  assert.deepEqual([file.reads, expected], [0, [["a2"]]]);
  await prepare({ passport: { p3: "published" }, access: { a1: "retired" } });
  assert.deepEqual([file.reads, expected.at(-1)], [1, []]);
});

Deno.test("the key report has each key's state and its source, never its material", async () => {
  const { keys, first } = await setup();
  const report = (named: GatewayValues["keys"]) =>
    reportKeys(keys.all(), { version: 7, values: values(named) });
  assert.deepEqual(report({}), {
    version: 7,
    keys: [
      { kid: "p1", profile: "S", state: "signing", from: "own" },
      { kid: "p2", profile: "S", state: "published", from: "own" },
    ],
  });
  // The setting lets it sign; the configuration chose another key.
  assert.deepEqual(report({ passport: { p2: "signing" } }).keys, [
    { kid: "p1", profile: "S", state: "retired", from: "own" },
    { kid: "p2", profile: "S", state: "signing", from: "central" },
  ]);
  for (const { secret } of first) assert.ok(!JSON.stringify(report({})).includes(secret));
});
