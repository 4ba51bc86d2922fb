import type { ConfiguredKeyState } from "./keys_section.ts";

/** Kinds of keys whose states are in the central document. */
export type KeyKind = "access" | "passport";

/** The changes of one version of the document, from its history. */
export interface KeyChange {
  /** Changed paths in the document. */
  readonly changed: readonly string[];
}

/** Longest possible life of a token by the kind of its key, in seconds, for any configuration. */
const longestLifeSeconds = { access: 900, passport: 300 } as const satisfies Record<
  KeyKind,
  number
>;

/**
 * An instance that has not loaded the new document yet may sign with the retired key a bit longer.
 */
const lagSeconds = 60;

/**
 * How long a retired key still verifies, in seconds, until every token that it signed has expired.
 */
export function retirementSeconds(kind: KeyKind, leewaySeconds: number): number {
  return longestLifeSeconds[kind] + leewaySeconds + lagSeconds;
}

/** The version that set a key's current state; `changes` are newest first. */
export function findStateChange<Change extends KeyChange>(
  changes: readonly Change[],
  kind: KeyKind,
  kid: string,
): Change | undefined {
  const path = `keys.${kind}.${kid}`;
  // A part that was added as a whole is listed by its own path only.
  const paths: readonly string[] = [path, `keys.${kind}`, "keys", ""];
  return changes.find(({ changed }) => changed.some((one) => paths.includes(one)));
}

/** Revoked keys that would sign again: verifiers may have removed them and refuse their tokens. */
export function listUnrevoked(
  before: Readonly<Record<string, ConfiguredKeyState>> = {},
  after: Readonly<Record<string, ConfiguredKeyState>> = {},
): string[] {
  return Object.keys(after).filter((kid) =>
    after[kid] === "signing" && Object.hasOwn(before, kid) && before[kid] === "revoked"
  );
}
