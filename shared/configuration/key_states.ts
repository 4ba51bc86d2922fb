import type { ConfiguredKeyState } from "./keys_section.ts";

/** Kinds of keys whose states are in the central document. */
export type KeyKind = "access" | "passport";

/** What a version of the document changed, as its history has it. */
export interface KeyChange {
  /** Paths in the document. */
  readonly changed: readonly string[];
}

/** Longest life in seconds that a token signed by a key of a kind may have, whatever is configured. */
const longestLifeSeconds = { access: 900, passport: 300 } as const satisfies Record<
  KeyKind,
  number
>;

/** Who has not heard of the retirement may sign a little longer. */
const lagSeconds = 60;

/** How long after its retirement a key verifies, so that all it has signed can end, in seconds. */
export function retirementSeconds(kind: KeyKind, leewaySeconds: number): number {
  return longestLifeSeconds[kind] + leewaySeconds + lagSeconds;
}

/** The version that gave a key the state it has in the newest one; `changes` are newest first. */
export function findStateChange<Change extends KeyChange>(
  changes: readonly Change[],
  kind: KeyKind,
  kid: string,
): Change | undefined {
  const path = `keys.${kind}.${kid}`;
  // A part of the document that is new as a whole is one path.
  const paths: readonly string[] = [path, `keys.${kind}`, "keys", ""];
  return changes.find(({ changed }) => changed.some((one) => paths.includes(one)));
}

/** Keys that would sign again although they were revoked: verifiers may have let go of them. */
export function listUnrevoked(
  before: Readonly<Record<string, ConfiguredKeyState>> = {},
  after: Readonly<Record<string, ConfiguredKeyState>> = {},
): string[] {
  return Object.keys(after).filter((kid) =>
    after[kid] === "signing" && Object.hasOwn(before, kid) && before[kid] === "revoked"
  );
}
