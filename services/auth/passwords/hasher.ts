import { equalSecrets } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import { type Argon2Cost, type Argon2id, findArgon2id } from "./argon2.ts";
import { readPhc, type StoredPassword, writePhc } from "./phc.ts";
import { normalisePassword } from "./policy.ts";

/** Hashes and checks passwords; at its bound it refuses and never queues. */
export interface PasswordHasher {
  /**
   * A new PHC string.
   *
   * @throws {Problem} `upstream_unavailable` when as many hashes as allowed are under way
   */
  hash(password: string): Promise<string>;
  /**
   * Checks a password against a PHC string, or against none, which takes as long and is false.
   *
   * @throws {Problem} as `hash`
   */
  verify(password: string, phc: string | null): Promise<boolean>;
  /** Tells whether a PHC string was made at another cost than today's. */
  isOutdated(phc: string): boolean;
}

export interface PasswordHasherOptions {
  readonly cost?: Argon2Cost;
  /** How to compute Argon2id; by default the fastest way that works here. */
  readonly argon2id?: Argon2id;
  /** Hashes at one time in this isolate; by default 16 natively, 3 in JavaScript. */
  readonly maxConcurrent?: number;
}

/** The least that OWASP's Password Storage Cheat Sheet takes for Argon2id with 19 MiB. */
export const defaultCost: Argon2Cost = { m: 19456, t: 2, p: 1 };

// Each hash holds 19 MiB while it runs, and an isolate on Workers has 128 in all.
const maxConcurrentByKind = { native: 16, portable: 3 } as const;

const saltBytes = 16;
const hashBytes = 32;

/** Makes the hasher of one isolate. Passwords are normalised here, so that none is forgotten. */
export function createPasswordHasher(
  { cost = defaultCost, argon2id, maxConcurrent }: PasswordHasherOptions = {},
): PasswordHasher {
  const absent = { cost, salt: new Uint8Array(saltBytes), hash: new Uint8Array(hashBytes) };
  let found = argon2id;
  let running = 0;

  async function derive(password: string, stored: Omit<StoredPassword, "hash">, bytes: number) {
    const engine = found ??= await findArgon2id();
    if (running >= (maxConcurrent ?? maxConcurrentByKind[engine.kind])) throw new Problem(...full);
    running++;
    try {
      const input = new TextEncoder().encode(normalisePassword(password));
      return await engine.derive({ ...stored, password: input, bytes });
    } finally {
      running--;
    }
  }

  return {
    async hash(password) {
      const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
      return writePhc({ cost, salt, hash: await derive(password, { cost, salt }, hashBytes) });
    },
    async verify(password, phc) {
      const { cost, salt, hash } = phc === null ? absent : readPhc(phc);
      const derived = await derive(password, { cost, salt }, hash.length);
      const isEqual = await equalSecrets(derived.toHex(), hash.toHex());
      return isEqual && phc !== null;
    },
    isOutdated(phc) {
      const stored = readPhc(phc).cost;
      return stored.m !== cost.m || stored.t !== cost.t || stored.p !== cost.p;
    },
  };
}

const full = [
  "upstream_unavailable",
  { detail: "Too many passwords are being checked at once", headers: { "retry-after": "1" } },
] as const;
