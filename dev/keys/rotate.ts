import type { KeyKind } from "@edgepass/shared/configuration";
import { findSigner, nextOf, type Profile, requireNext } from "./next_key.ts";
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

/** How a rotation is asked for. */
export interface RotateOptions {
  readonly kind: KeyKind;
  /** Whose signer is to change; that of S by default. Nothing of A need have signed before. */
  readonly profile?: Profile;
  /** Between publishing and signing. */
  readonly waitSeconds?: number;
}

/** Within this, under traffic, every instance has heard of a version. */
export const defaultWaitSeconds = 60;
const maxAttempts = 5;
const seenWithinMs = 20_000;
const lookEveryMs = 1_000;

/**
 * Lets the next key sign: publishes it, waits, and lets it sign while the old one retires. What it
 * has done is in the central configuration, so that it goes on there when it is run again.
 *
 * @throws {Refusal} saying why it does not, and the way out
 */
export async function rotate(
  system: KeySystem,
  { kind, profile, waitSeconds = defaultWaitSeconds }: RotateOptions,
  effects: Effects,
): Promise<string> {
  const { now, say } = effects;
  if (waitSeconds < defaultWaitSeconds) {
    say(
      `Waits ${waitSeconds} s and not ${defaultWaitSeconds}: whoever has not heard of the new key ` +
        "by then refuses what it signs, until they have",
    );
  }
  /** When this run published what, by this machine's clock. */
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
      say("The configuration was changed meanwhile: beginning again with it");
      attempt++;
      continue;
    }
    await requireSeen(system, kind, next.kid, effects);
    await prepareNext(system, kind, ofProfile);
    if (!signer) return `The ${kind} key ${next.kid} signs what passport.send has it sign`;
    return `The ${kind} key ${next.kid} signs; ${signer.kid} verifies until all it signed has ended`;
  }
  throw new Refusal(
    "The configuration is being changed by somebody else all the time: try again in a quiet moment",
  );
}

/** Who signs, and who is to. */
interface Pair {
  /** Nobody, before the first key of profile A. */
  readonly signer: KeyView | undefined;
  readonly next: KeyView;
}

/** The signer is written down too, so that it signs on whatever the secret says. */
async function publish(
  system: KeySystem,
  keyRings: KeyRings,
  { signer, next }: Pair,
  { say }: Effects,
): Promise<void> {
  const comment = `Publish ${keyRings.kind} key ${next.kid}`;
  const version = await writeKeyStates(system, keyRings, {
    ...(signer ? { [signer.kid]: "signing" } : {}),
    [next.kid]: "published",
  }, { comment, next });
  const who = signer ? `${signer.kid} signs` : "nothing of its profile signs yet";
  say(`Version ${version}: ${next.kid} is published, ${who}`);
}

/** Somebody may have revoked one of them while it waited. */
async function letSign(
  system: KeySystem,
  kind: KeyKind,
  { signer, next }: Pair,
  { say }: Effects,
): Promise<void> {
  const keyRings = await readKeyRings(system, kind);
  const hasMoved = findSigner(keyRings, next.profile)?.kid !== signer?.kid ||
    nextOf(keyRings, next.profile)?.kid !== next.kid;
  if (hasMoved) throw new ConflictError();
  const version = await writeKeyStates(system, keyRings, {
    ...(signer ? { [signer.kid]: "retired" } : {}),
    [next.kid]: "signing",
  }, { comment: `Let ${kind} key ${next.kid} sign`, next });
  say(`Version ${version}: ${next.kid} signs${signer ? `, ${signer.kid} is retired` : ""}`);
}

async function waitOut(
  system: KeySystem,
  { kind, kid, waitSeconds, publishedAt }: {
    kind: KeyKind;
    kid: string;
    waitSeconds: number;
    publishedAt: ReadonlyMap<string, number>;
  },
  { now, sleep, say }: Effects,
): Promise<void> {
  const since = publishedAt.get(kid) ?? (await readSince(system, kind, kid))?.at ?? now();
  const restMs = Math.min(since + waitSeconds * 1000 - now(), waitSeconds * 1000);
  if (restMs <= 0) return;
  say(`Waiting ${Math.ceil(restMs / 1000)} s, until every instance under traffic knows ${kid}`);
  await sleep(restMs);
}

/** @throws {Refusal} when what is signed now is not signed with the key */
export async function requireSeen(
  system: KeySystem,
  kind: KeyKind,
  kid: string,
  { now, sleep }: Effects,
): Promise<void> {
  for (const until = now() + seenWithinMs;;) {
    const signs = kind === "access"
      ? await system.freshKid() === kid
      : (await readKeyRings(system, kind)).keys.some((key) =>
        key.kid === kid && key.state === "signing"
      );
    if (signs) return;
    if (now() >= until) {
      throw new Refusal(
        `${kid} is to sign and does not yet: the logs say why an instance does not follow`,
      );
    }
    await sleep(lookEveryMs);
  }
}

/** A next key that is there already makes the next rotation, or an emergency, quick. */
async function prepareNext(
  system: KeySystem,
  kind: KeyKind,
  profile: Profile | undefined,
): Promise<void> {
  const refill = system.refill[kind];
  if (!refill || profile === "A") return;
  const keyRings = await readKeyRings(system, kind);
  if (!nextOf(keyRings, profile)) await refill(statesOf(keyRings));
}
