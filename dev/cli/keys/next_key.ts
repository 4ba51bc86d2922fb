import type { KeyKind } from "@edgepass/shared/configuration";
import {
  type Effects,
  type KeyRings,
  type KeySystem,
  type KeyView,
  readKeyRings,
  Refusal,
  statesOf,
} from "./key_rings.ts";

export type Profile = "S" | "A";

/** Auth reads its file every five seconds. */
const seenWithinMs = 20_000;
const lookEveryMs = 1_000;

const settings = { access: "ACCESS_TOKEN_KEYS", passport: "PASSPORT_KEYS" } as const;

/** The key of a kind that signs. @throws {Refusal} when none does */
export function signerOf({ kind, keys }: KeyRings, profile?: Profile): KeyView {
  const signing = keys.filter(({ state }) => state === "signing");
  const found = profile
    ? signing.find((key) => key.profile === profile)
    : signing.find((key) => key.profile === "S") ?? signing[0];
  if (found) return found;
  const whose = profile ? ` of profile ${profile}` : "";
  throw new Refusal(`No ${kind} key${whose} signs: deno task keys list shows where they stand`);
}

/** The same; undefined where nothing of profile A signs, as before its first key. */
export function findSigner(keyRings: KeyRings, profile?: Profile): KeyView | undefined {
  const isFirst = profile === "A" &&
    !keyRings.keys.some((key) => key.profile === "A" && key.state === "signing");
  return isFirst ? undefined : signerOf(keyRings, profile);
}

/**
 * The key that could sign next, if there is one; one that verifiers have comes before one that is
 * only there.
 */
export function nextOf({ keys }: KeyRings, profile: Profile | undefined): KeyView | undefined {
  const able = keys.filter((key) =>
    key.hasMaterial && key.state === "published" &&
    (profile === undefined || key.profile === profile)
  );
  return able.find(({ from }) => from === "central") ?? able[0];
}

/**
 * The same, with a new key where the system reads keys from a file of this machine.
 *
 * @throws {Refusal} with where to put a next key
 */
export async function requireNext(
  system: KeySystem,
  keyRings: KeyRings,
  profile: Profile | undefined,
  effects: Effects,
): Promise<KeyView> {
  const next = nextOf(keyRings, profile);
  if (next) return next;
  const updateFile = system.updateFile[keyRings.kind];
  if (!updateFile || profile === "A") throw new Refusal(whereToPutOne(keyRings.kind, profile));
  const { kid, path } = await updateFile(statesOf(keyRings));
  effects.report(`Next key ${kid} is in ${path}`);
  for (const until = effects.now() + seenWithinMs; effects.now() < until;) {
    const found = (await readKeyRings(system, keyRings.kind)).keys.find((key) => key.kid === kid);
    if (found?.hasMaterial) return found;
    await effects.sleep(lookEveryMs);
  }
  throw new Refusal(
    `There is no next key yet: ${kid} is in ${path}, which no program has read; ` +
      "deno task dev:workers reads keys only at its start: restart it, then repeat this command",
  );
}

/** @throws {Refusal} when new signatures are not by the key */
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
        `${kid} should sign and does not yet: the logs show why an instance does not apply the version`,
      );
    }
    await sleep(lookEveryMs);
  }
}

/** What to do by hand, for each source of keys. */
function whereToPutOne(kind: KeyKind, profile: Profile | undefined): string {
  const name = settings[kind];
  const who = kind === "access" ? "of auth" : "of the gateway and of every service";
  const which = profile === "A"
    ? `an Ed25519 key in state published to ${name} of the gateway (deno task keys:new A makes one)`
    : `a key in state published to ${name} ${who} (deno task keys:new makes some)`;
  return `There is no next ${kind} key: add ${which}. ` +
    `On Workers: deno task wrangler secret put ${name}. ` +
    `On Deno Deploy: change the variable ${name} and deploy again. ` +
    `On a server of your own: add it to the file that ${name}_FILE names, or to ${name} and restart`;
}
