import { argon2idAsync } from "@noble/hashes/argon2.js";

/** Cost of one hash (RFC 9106 §3.1); the numbers are the PHC string's `m`, `t`, `p`. */
export interface Argon2Cost {
  /** Memory in KiB. */
  readonly m: number;
  /** Passes. */
  readonly t: number;
  /** Lanes. */
  readonly p: number;
}

export interface Argon2Input {
  readonly password: Uint8Array<ArrayBuffer>;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly cost: Argon2Cost;
  readonly bytes: number;
}

/** One implementation of Argon2id; all implementations return the same bytes. */
export interface Argon2id {
  readonly kind: "native" | "portable";
  derive(input: Argon2Input): Promise<Uint8Array<ArrayBuffer>>;
}

/** Argon2id of the runtime's Web Crypto: off the main thread, several times faster. */
export const nativeArgon2id: Argon2id = {
  kind: "native",
  async derive({ password, salt, cost: { m, t, p }, bytes }) {
    const key = await importPassword(password);
    const algorithm = { name: "Argon2id", memory: m, passes: t, parallelism: p, nonce: salt };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, bytes * 8));
  },
};

/** Argon2id in JavaScript, for runtimes without it. */
export const portableArgon2id: Argon2id = {
  kind: "portable",
  async derive({ password, salt, cost, bytes }) {
    return new Uint8Array(await argon2idAsync(password, salt, { ...cost, dkLen: bytes }));
  },
};

/**
 * The fastest Argon2id that works here.
 *
 * Found by one trial hash at the lowest cost: `SubtleCrypto.supports` returns false on runtimes
 * that have it.
 */
export async function findArgon2id(): Promise<Argon2id> {
  try {
    const salt = new Uint8Array(8);
    const cost = { m: 8, t: 1, p: 1 };
    const bytes = await nativeArgon2id.derive({
      password: new Uint8Array(8),
      salt,
      cost,
      bytes: 32,
    });
    return bytes.length === 32 ? nativeArgon2id : portableArgon2id;
  } catch {
    return portableArgon2id;
  }
}

/** `raw-secret` is a key format of the Web Crypto draft that brings Argon2id; not typed yet. */
function importPassword(password: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const format = "raw-secret" as string as "raw";
  return crypto.subtle.importKey(format, password, "Argon2id", false, ["deriveBits"]);
}
