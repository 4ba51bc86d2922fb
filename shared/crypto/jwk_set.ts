import * as z from "zod/mini";
import { digest } from "./encoding.ts";
import {
  algorithms,
  type AsymmetricAlgorithmName,
  type Jws,
  type VerificationKey,
  verifyJws,
} from "./jws.ts";
import { type DroppedJwk, type DropReason, type PublicJwk, readPublicJwk } from "./public_jwk.ts";

/** Keys by `kid`, of one kind each. A Map, so that no `kid` reaches a prototype. */
export type KeyRing = ReadonlyMap<string, VerificationKey>;

/** A set whose entries are checked one by one: an unusable key must not invalidate the others. */
export const JwkSet = z.object({ keys: z.array(z.unknown()) });
/** A JWK set with unchecked entries. */
export type JwkSet = z.infer<typeof JwkSet>;

/** What a token's header names: it only selects among the entries of the configured set. */
export interface KeyName {
  /** Absent in tokens of issuers that have one key. */
  readonly kid?: string | undefined;
  /** The algorithm, under the name of `readAlgorithm`. */
  readonly alg: AsymmetricAlgorithmName;
}

/** An entry of a key set that is not used. */
export interface DroppedKey {
  /** Its position in the set, from 0. */
  readonly at: number;
  /** Its `kid`, where it has a usable one. */
  readonly kid?: string;
  /** Why it is not used. */
  readonly reason: DropReason;
}

/** The usable keys of an issuer's set. */
export interface IssuerKeys {
  /** Every key with each of its algorithms. */
  readonly entries: readonly VerificationKey[];
  /** The entries of the set that are not used. */
  readonly dropped: readonly DroppedKey[];
  /**
   * The key that a header names. Without a `kid` it is the one key that fits the algorithm;
   * undefined where none or several do.
   */
  find(name: KeyName): VerificationKey | undefined;
  /** Whether a key has this `kid`, whatever its algorithm. */
  has(kid: string): boolean;
}

/**
 * Imports the keys of a JWK set that may verify for an issuer.
 *
 * One `kid` may name keys of different type or algorithm (RFC 7517 §4.5). A JWK without `alg` fits
 * each allowed algorithm of its type and curve; one without `kid` gets its thumbprint (RFC 7638) as
 * name, for revocation and spans. Of two different keys with one `kid` and algorithm neither is
 * used: a token must not choose between them.
 */
export async function importIssuerKeys(
  set: JwkSet,
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<IssuerKeys> {
  const { imported, dropped } = await readSet(set, allowed);
  const byName = Map.groupBy(imported, ({ key }) => JSON.stringify([key.kid, key.alg]));
  const groups = [...byName.values()];
  const usable = groups.filter(isOneKey).flatMap((group) => group.slice(0, 1));
  const ambiguous = groups.filter((group) => !isOneKey(group)).flat();
  const twice = ambiguous.map(({ at, key: { kid } }): DroppedKey => ({
    at,
    kid,
    reason: "has the kid and algorithm of another key",
  }));
  return {
    entries: usable.map(({ key }) => key),
    dropped: [...dropped, ...twice].toSorted((a, b) => a.at - b.at),
    find({ kid, alg }) {
      const fitting = usable.filter(({ key }) => key.alg === alg);
      if (kid !== undefined) return fitting.find(({ key }) => key.kid === kid)?.key;
      return isOneKey(fitting) ? fitting[0]?.key : undefined;
    },
    has: (kid) => usable.some(({ key }) => key.kid === kid),
  };
}

/**
 * Imports a set in which every key has a `kid` of its own: our own keys, and those of Passports. Of
 * two different keys with one `kid` neither is used, whatever their algorithms.
 */
export async function importJwkSet(
  set: JwkSet,
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<KeyRing> {
  const { imported } = await readSet(set, allowed);
  const byKid = Map.groupBy(imported.filter(({ isNamed }) => isNamed), ({ key }) => key.kid);
  return new Map(
    [...byKid].flatMap(([kid, group]) => {
      const [first] = group;
      return first && isOneKey(group) ? [[kid, first.key]] : [];
    }),
  );
}

/** A key with one of its algorithms. */
interface ImportedKey {
  readonly key: VerificationKey;
  /** Its thumbprint: equal for equal keys, however they are written. */
  readonly print: string;
  /** Whether the set gives it a `kid`. */
  readonly isNamed: boolean;
  readonly at: number;
}

function isOneKey(keys: readonly ImportedKey[]): boolean {
  return new Set(keys.map(({ print }) => print)).size === 1;
}

async function readSet({ keys }: JwkSet, allowed: readonly AsymmetricAlgorithmName[]) {
  const read = await Promise.all(keys.map(async (entry, at) => {
    const members = readPublicJwk(entry, allowed);
    const imported = "reason" in members ? members : await importPublicKey(members, at);
    return "reason" in imported ? { at, ...imported } : imported;
  }));
  return {
    imported: read.flatMap((one) => "reason" in one ? [] : one),
    dropped: read.filter((one) => "reason" in one),
  };
}

/** Imports a key once for each of its algorithms: Web Crypto binds a key to padding and hash. */
async function importPublicKey(
  { kid, fitting, material }: PublicJwk,
  at: number,
): Promise<ImportedKey[] | DroppedJwk> {
  const print = await digest(JSON.stringify(material));
  try {
    return await Promise.all(fitting.map(async (alg) => {
      const key = await crypto.subtle.importKey("jwk", material, algorithms[alg].import, false, [
        "verify",
      ]);
      const imported = { kid: kid ?? print, alg, key };
      // Deno checks that a point is on its curve only when the key is first used, and throws then.
      await verifyJws(noMessage(algorithms[alg].signatureBytes), imported);
      return { key: imported, print, isNamed: kid !== undefined, at };
    }));
  } catch {
    return {
      ...(kid === undefined ? {} : { kid }),
      reason: "is not a key that this runtime can import",
    };
  }
}

/** A signature of another length would be refused before the key is used. */
function noMessage(signatureBytes = 64): Jws {
  return {
    header: {},
    payload: new Uint8Array(),
    signature: new Uint8Array(signatureBytes),
    signingInput: new Uint8Array(),
  };
}
