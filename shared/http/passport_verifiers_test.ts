import assert from "node:assert/strict";
import {
  initialServiceValues,
  type ServiceValues,
  staticConfiguration,
} from "../configuration/mod.ts";
import { encodeBase64Url, importSecret, signJws } from "../crypto/mod.ts";
import { createLogger } from "../context/request_context.ts";
import { createPassportRing } from "../passport/mod.ts";
import { createVerifiers } from "./service_runtime.ts";

const nowSeconds = 1_800_000_000;
const trustDomain = { issuer: "https://api.test", audience: "edgepass.test", leewaySeconds: 5 };

/** A service with one key, whose key file may get further ones. */
function setup() {
  const clock = { now: nowSeconds * 1000 };
  const file = { keys: [makeKey("p1", "signing")], reads: 0 };
  const [p1] = file.keys;
  assert.ok(p1);
  const setting = [{ ...p1, secret: Uint8Array.fromBase64(p1.secret, { alphabet: "base64url" }) }];
  const ring = createPassportRing(setting, () => {
    file.reads++;
    return Promise.resolve(JSON.stringify(file.keys));
  });
  const steps: ((values: ServiceValues) => Promise<void> | undefined)[] = [];
  const { verify } = createVerifiers(ring, { ...trustDomain, now: () => clock.now })("club", {
    configuration: {
      ...staticConfiguration(initialServiceValues({ logLevel: "info" })),
      prepare: (step) => void steps.push(step),
    },
    log: createLogger({ service: "club", sink: () => {} }),
  });
  const values = (passport: ServiceValues["keys"]["passport"]): ServiceValues => ({
    ...initialServiceValues({ logLevel: "info" }),
    keys: passport ? { passport } : {},
  });
  return {
    clock,
    file,
    isAccepted: async (key: Key) => await verify(await sign(key)).then(() => true, () => false),
    prepare: async (passport: ServiceValues["keys"]["passport"]) => {
      for (const step of steps) await step(values(passport));
    },
  };
}

type Key = ReturnType<typeof makeKey>;

function makeKey(kid: string, state: "published" | "signing") {
  return { kid, secret: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))), state };
}

async function sign({ kid, secret }: Key): Promise<string> {
  const bytes = Uint8Array.fromBase64(secret, { alphabet: "base64url" });
  return await signJws({
    pv: "0.1.0",
    iss: trustDomain.issuer,
    aud: trustDomain.audience,
    iat: nowSeconds,
    exp: nowSeconds + 300,
    jti: "p",
    txn: "4bf92f3577b34da6a3ce929d0e0e4736",
    sub: "svc:course",
    roles: [],
    scope: "",
    cfg: 0,
  }, { typ: "passport+jwt", key: await importSecret({ kid, secret: bytes }) });
}

Deno.test("a Passport with an unknown kid reloads the key file at most once in 30 s", async () => {
  const { file, clock, isAccepted } = setup();
  const [p2, unknownKey] = [makeKey("p2", "published"), makeKey("p9", "published")];
  file.keys.push(p2);
  assert.deepEqual(await Promise.all([isAccepted(p2), isAccepted(p2)]), [true, true]);
  assert.equal(file.reads, 1);
  for (let at = 0; at < 5; at++) assert.equal(await isAccepted(unknownKey), false);
  assert.equal(file.reads, 1);
  clock.now += 30_000;
  assert.equal(await isAccepted(unknownKey), false);
  assert.equal(file.reads, 2);
});

Deno.test("a configuration version with an unknown key reloads the key file, regardless of earlier reloads", async () => {
  const { file, isAccepted, prepare } = setup();
  const [p2, unknownKey] = [makeKey("p2", "published"), makeKey("p9", "published")];
  assert.equal(await isAccepted(unknownKey), false);
  file.keys.push(p2);
  await prepare({ p1: "signing", gone: "revoked" });
  assert.equal(file.reads, 1);
  await prepare({ p1: "signing", p2: "published" });
  assert.deepEqual([file.reads, await isAccepted(p2)], [2, true]);
});
