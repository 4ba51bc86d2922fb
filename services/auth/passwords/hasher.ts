import { timingSafeEqual } from "@edgepass/shared/crypto";
import { type Argon2Cost, type Argon2id, findArgon2id } from "./argon2.ts";
import { createHashingSlots, type HashingSlots, type Requester } from "./hashing_slots.ts";
import { readPhc, type StoredPassword, writePhc } from "./phc.ts";
import { normalisePassword } from "./policy.ts";

/** Hashes and checks passwords, a bounded number at a time. */
export interface PasswordHasher {
  /**
   * A new PHC string.
   *
   * @throws {Problem} `upstream_unavailable` when all hashing and queueing slots are taken,
   *   `rate_limited` when the requester's network holds too many of them
   */
  hash(password: string, requester?: Requester): Promise<string>;
  /**
   * Checks a password against a PHC string. Without one it takes as long and returns false.
   *
   * @throws {Problem} as `hash`
   */
  verify(password: string, phc: string | null, requester?: Requester): Promise<boolean>;
  /** Whether a PHC string was made at another cost than today's. */
  isOutdated(phc: string): boolean;
}

export interface PasswordHasherOptions {
  readonly cost?: Argon2Cost;
  /** The Argon2id implementation; by default the fastest that works here. */
  readonly argon2id?: Argon2id;
  /**
   * Processors that hashing may occupy, where requests may wait for each other (Deno). One more
   * hash would block the processor that serves all other requests; further ones wait in a bounded
   * queue.
   */
  readonly processors?: number | undefined;
  /**
   * Concurrent hashes in this isolate; without `processors` 16 natively and 3 in JavaScript.
   * Further ones are refused at once.
   */
  readonly maxConcurrent?: number;
  /** Queued requests; by default 16 for each processor, and none without `processors`. */
  readonly maxWaiting?: number;
}

/** The least that OWASP's Password Storage Cheat Sheet takes for Argon2id with 19 MiB. */
export const defaultCost: Argon2Cost = { m: 19456, t: 2, p: 1 };

// Each hash holds 19 MiB while it runs, and an isolate on Workers has 128 in all.
const maxConcurrentByKind = { native: 16, portable: 3 } as const;
/** The last one in the queue waits about a second, which every caller's time limit allows. */
const waitingByProcessor = 16;

const saltBytes = 16;
const hashBytes = 32;

/**
 * Creates the hasher of one isolate. It normalises every password, so that no caller can skip it.
 */
export function createPasswordHasher(
  { cost = defaultCost, argon2id, ...bounds }: PasswordHasherOptions = {},
): PasswordHasher {
  const absent = { cost, salt: new Uint8Array(saltBytes), hash: new Uint8Array(hashBytes) };
  let found = argon2id;
  let slots: HashingSlots | undefined;

  async function derive(
    password: string,
    { bytes, requester, ...stored }: Omit<StoredPassword, "hash"> & {
      readonly bytes: number;
      readonly requester: Requester | undefined;
    },
  ) {
    const engine = found ??= await findArgon2id();
    slots ??= createHashingSlots(toSlotLimits(engine, bounds));
    const release = await slots.acquire(requester);
    try {
      const input = new TextEncoder().encode(normalisePassword(password));
      return await engine.derive({ ...stored, password: input, bytes });
    } finally {
      release();
    }
  }

  return {
    async hash(password, requester) {
      const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
      const hash = await derive(password, { cost, salt, bytes: hashBytes, requester });
      return writePhc({ cost, salt, hash });
    },
    async verify(password, phc, requester) {
      const { cost, salt, hash } = phc === null ? absent : readPhc(phc);
      const derived = await derive(password, { cost, salt, bytes: hash.length, requester });
      const isEqual = await timingSafeEqual(derived.toHex(), hash.toHex());
      return isEqual && phc !== null;
    },
    isOutdated(phc) {
      const stored = readPhc(phc).cost;
      return stored.m !== cost.m || stored.t !== cost.t || stored.p !== cost.p;
    },
  };
}

type Bounds = Pick<PasswordHasherOptions, "processors" | "maxConcurrent" | "maxWaiting">;

/** JavaScript has one thread: concurrent hashes would only hold more memory and end later. */
function toSlotLimits({ kind }: Argon2id, { processors, maxConcurrent, maxWaiting }: Bounds) {
  const atOnce = processors === undefined
    ? maxConcurrentByKind[kind]
    : kind === "portable"
    ? 1
    : processors;
  const waiting = processors === undefined ? 0 : waitingByProcessor * atOnce;
  return { maxRunning: maxConcurrent ?? atOnce, maxWaiting: maxWaiting ?? waiting };
}
