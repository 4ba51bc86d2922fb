import { createHash, createHmac } from "node:crypto";
import { makeId, type Random } from "./model.ts";
import type { StoredSettings } from "./store.ts";

export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

export interface KeyRing {
  get(): SigningKeys;
  /** The next key becomes the current one and a new next one is generated. */
  rotate(): SigningKeys;
}

const lifetimeSeconds = 300;

/** The signing keys of a store; `given` ones count only for a store that has none yet. */
export function createKeyRing(
  settings: StoredSettings,
  random: Random,
  given?: SigningKeys,
): KeyRing {
  const make = () => `sig_${random(24).toHex()}`;
  const put = (keys: SigningKeys): SigningKeys => {
    settings.set("signing-key-current", keys.current);
    settings.set("signing-key-next", keys.next);
    return keys;
  };
  const read = (): SigningKeys | undefined => {
    const current = settings.get("signing-key-current");
    const next = settings.get("signing-key-next");
    return current !== undefined && next !== undefined ? { current, next } : undefined;
  };
  let keys = read() ?? put(given ?? { current: make(), next: make() });
  return {
    get: () => keys,
    rotate: () => keys = put({ current: keys.next, next: make() }),
  };
}

export interface Signed {
  readonly key: string;
  /** The destination as the publisher wrote it. */
  readonly url: string;
  readonly body: Uint8Array;
  readonly now: number;
  readonly random: Random;
}

const header = encodeJson({ alg: "HS256", typ: "JWT" });

/** The value of `Upstash-Signature`: a JWT over destination, time and the body's digest. */
export function signDelivery({ key, url, body, now, random }: Signed): string {
  const iat = Math.floor(now / 1_000);
  const claims = {
    iss: "Upstash",
    sub: url,
    exp: iat + lifetimeSeconds,
    nbf: iat,
    iat,
    jti: makeId("jwt", now, random),
    // With padding, as the service documents it.
    body: new Uint8Array(createHash("sha256").update(body).digest())
      .toBase64({ alphabet: "base64url" }),
  };
  const input = `${header}.${encodeJson(claims)}`;
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
}

function encodeJson(value: object): string {
  return new TextEncoder().encode(JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}
