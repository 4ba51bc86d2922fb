import type { KeyKind } from "@edgepass/shared/configuration";
import { findSigner, nextOf, type Profile, requireNext, requireSeen } from "./next_key.ts";
import {
  ConflictError,
  type Effects,
  isVerifiable,
  type KeyRings,
  type KeySystem,
  type KeyView,
  readKeyRings,
  readSince,
  Refusal,
  statesOf,
  writeKeyStates,
} from "./key_rings.ts";

/** Options of a rotation. */
export interface RotateOptions {
  readonly kind: KeyKind;
  /** The profile whose signer is replaced; S by default. Profile A may have no signer yet. */
  readonly profile?: Profile;
  /** Between publishing and signing. */
  readonly waitSeconds?: number;
}

/** Within this time, under traffic, every instance has observed a new version. */
export const defaultWaitSeconds = 60;
const maxAttempts = 5;

/**
 * Rotates to the next key: publishes it, waits, and lets it sign while the old one retires. Its
 * progress is in the central configuration, so a second run continues where the first stopped.
 *
 * @throws {Refusal} with the reason, and what to do instead
 */
export async function rotate(
  system: KeySystem,
  { kind, profile, waitSeconds = defaultWaitSeconds }: RotateOptions,
  effects: Effects,
): Promise<string> {
  const { now, report } = effects;
  if (waitSeconds < defaultWaitSeconds) {
    report(
      `Waiting ${waitSeconds} s instead of ${defaultWaitSeconds}: a service that has not read the new key ` +
        "by then refuses what it signs, until it has",
    );
  }
  /** When this run published each key, by this machine's clock. */
  const publishedAt = new Map<string, number>();
  for (let attempt = 1; attempt <= maxAttempts;) {
    const keyRings = await readKeyRings(system, kind);
    const signer = findSigner(keyRings, profile);
    const ofProfile = signer ? signer.profile : profile;
    const next = await requireNext(system, keyRings, ofProfile, effects);
    try {
      if (next.from !== "central" || !isVerifiable(keyRings, next)) {
        await publish(system, keyRings, { signer, next }, effects);
        publishedAt.set(next.kid, now());
        continue;
      }
      await waitOut(system, { kind, kid: next.kid, waitSeconds, publishedAt }, effects);
      await letSign(system, kind, { signer, next }, effects);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      report("The configuration was changed meanwhile: starting again");
      attempt++;
      continue;
    }
    await requireSeen(system, kind, next.kid, effects);
    await prepareNext(system, kind, ofProfile);
    if (!signer) {
      return `The ${kind} key ${next.kid} signs the Passports that passport.send requests`;
    }
    return `The ${kind} key ${next.kid} signs; ${signer.kid} verifies until all it signed has expired`;
  }
  throw new Refusal("Other administrators keep changing the configuration: try again later");
}

/** The key that signs, and its successor. */
interface Pair {
  /** Undefined before the first key of profile A. */
  readonly signer: KeyView | undefined;
  readonly next: KeyView;
}

/** The signer's state is written too, so that it signs on whatever its secret says. */
async function publish(
  system: KeySystem,
  keyRings: KeyRings,
  { signer, next }: Pair,
  { report }: Effects,
): Promise<void> {
  const comment = `Publish ${keyRings.kind} key ${next.kid}`;
  const version = await writeKeyStates(system, keyRings, {
    ...(signer ? { [signer.kid]: "signing" } : {}),
    [next.kid]: "published",
  }, { comment, next });
  const who = signer ? `${signer.kid} signs` : "nothing of its profile signs yet";
  report(`Version ${version}: ${next.kid} is published, ${who}`);
}

/** Another administrator may have revoked one of them during the wait. */
async function letSign(
  system: KeySystem,
  kind: KeyKind,
  { signer, next }: Pair,
  { report }: Effects,
): Promise<void> {
  const keyRings = await readKeyRings(system, kind);
  const hasMoved = findSigner(keyRings, next.profile)?.kid !== signer?.kid ||
    nextOf(keyRings, next.profile)?.kid !== next.kid;
  if (hasMoved) throw new ConflictError();
  const version = await writeKeyStates(system, keyRings, {
    ...(signer ? { [signer.kid]: "retired" } : {}),
    [next.kid]: "signing",
  }, { comment: `Let ${kind} key ${next.kid} sign`, next });
  report(`Version ${version}: ${next.kid} signs${signer ? `, ${signer.kid} is retired` : ""}`);
}

async function waitOut(
  system: KeySystem,
  { kind, kid, waitSeconds, publishedAt }: {
    kind: KeyKind;
    kid: string;
    waitSeconds: number;
    publishedAt: ReadonlyMap<string, number>;
  },
  { now, sleep, report }: Effects,
): Promise<void> {
  const since = publishedAt.get(kid) ?? (await readSince(system, kind, kid))?.at ?? now();
  const restMs = Math.min(since + waitSeconds * 1000 - now(), waitSeconds * 1000);
  if (restMs <= 0) return;
  report(`Waiting ${Math.ceil(restMs / 1000)} s, until every instance under traffic has ${kid}`);
  await sleep(restMs);
}

/** With a next key already there, the next rotation or an emergency is quick. */
async function prepareNext(
  system: KeySystem,
  kind: KeyKind,
  profile: Profile | undefined,
): Promise<void> {
  const updateFile = system.updateFile[kind];
  if (!updateFile || profile === "A") return;
  const keyRings = await readKeyRings(system, kind);
  if (!nextOf(keyRings, profile)) await updateFile(statesOf(keyRings));
}
