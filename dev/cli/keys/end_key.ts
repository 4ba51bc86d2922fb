import { type KeyKind, retirementSeconds } from "@edgepass/shared/configuration";
import { requireNext, requireSeen, signerOf } from "./next_key.ts";
import {
  ConflictError,
  type Effects,
  type KeyRings,
  type KeySystem,
  type KeyView,
  readKeyRings,
  readSince,
  Refusal,
  statesOf,
  writeKeyStates,
} from "./key_rings.ts";

const maxAttempts = 5;

/**
 * Takes a retired key out of use, once nothing it signed can still be valid. It also happens by
 * itself, a little later.
 *
 * @throws {Refusal} for a key that is still needed
 */
export async function retire(
  system: KeySystem,
  kind: KeyKind,
  kid: string,
  effects: Effects,
): Promise<string> {
  return await again(async () => {
    const keyRings = await readKeyRings(system, kind);
    const { state } = requireKey(keyRings, kid);
    if (state === "revoked") return `${kid} is revoked already`;
    if (state === "signing") {
      throw new Refusal(`${kid} signs: deno task keys rotate ${kind} retires it`);
    }
    if (state === "published") {
      throw new Refusal(
        `${kid} has not signed yet: deno task keys rotate ${kind} makes it sign, ` +
          `deno task keys revoke ${kind} ${kid} revokes it`,
      );
    }
    await requireOver(system, kind, kid, effects);
    const comment = `Revoke retired ${kind} key ${kid}`;
    const version = await writeKeyStates(system, keyRings, { [kid]: "revoked" }, { comment });
    return `Version ${version}: ${kid} is revoked`;
  });
}

async function requireOver(
  system: KeySystem,
  kind: KeyKind,
  kid: string,
  { now }: Effects,
): Promise<void> {
  const since = await readSince(system, kind, kid);
  if (!since) {
    throw new Refusal(
      `${kid} is retired by its secret, so the time is unknown: remove it from the secret`,
    );
  }
  const overAt = since.at + retirementSeconds(kind, system.leewaySeconds) * 1000;
  if (overAt <= now()) return;
  throw new Refusal(
    `What ${kid} signed may be valid until ${
      new Date(overAt).toISOString()
    }; maintenance revokes ` +
      `it then; deno task keys revoke ${kind} ${kid} revokes it now, with all it signed`,
  );
}

const dies = {
  access:
    "Every access token that it signed is dead: people get 401 token_revoked, and refresh (their " +
    "logins live on)",
  passport:
    "Every Passport that it signed is dead with the first request by which a service learns of it; " +
    "requests on their way with one are refused",
} as const;

/**
 * The emergency: from now on the key verifies nothing; if it signs, the next one takes over in the
 * same version.
 *
 * @throws {Refusal} when nothing could sign then
 */
export async function revoke(
  system: KeySystem,
  kind: KeyKind,
  kid: string,
  effects: Effects,
): Promise<string> {
  return await again(async () => {
    const keyRings = await readKeyRings(system, kind);
    const key = requireKey(keyRings, kid);
    if (key.state === "revoked") return `${kid} is revoked already`;
    const next = key.state === "signing"
      ? await requireNext(system, keyRings, signerOf(keyRings, key.profile).profile, effects)
      : undefined;
    const version = await writeKeyStates(
      system,
      keyRings,
      { [kid]: "revoked", ...(next ? { [next.kid]: "signing" } : {}) },
      { comment: `Revoke ${kind} key ${kid}`, next },
    );
    if (next) {
      await requireSeen(system, kind, next.kid, effects);
      // Not by a request: the administrator's own token may have died with the key.
      const states = { ...statesOf(keyRings), [kid]: "revoked", [next.kid]: "signing" } as const;
      if (next.profile !== "A") await system.updateFile[kind]?.(states);
    }
    const now = next ? `, ${next.kid} signs` : "";
    return `Version ${version}: ${kid} is revoked${now}\n${dies[kind]}`;
  });
}

function requireKey({ kind, keys }: KeyRings, kid: string): KeyView {
  const found = keys.find((key) => key.kid === kid);
  if (found) return found;
  throw new Refusal(`There is no ${kind} key ${kid}: deno task keys list shows those there are`);
}

async function again(work: () => Promise<string>): Promise<string> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt < maxAttempts) continue;
      throw new Refusal("Other administrators keep changing the configuration: try again");
    }
  }
}
