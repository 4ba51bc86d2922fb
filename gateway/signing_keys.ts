import { type KeySource, shareRun } from "@edgepass/shared/crypto";
import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import type { Issuer } from "./issuers.ts";
import {
  type PassportSigningKey,
  passportSigningKeysSetting,
  readPassportSigningKeys,
} from "./passport_keys.ts";

/** The Passport signing keys; keys may be added while the gateway runs. */
export interface PassportSigningKeys {
  /** Every key whose material was read. */
  all(): readonly PassportSigningKey[];
  /**
   * Reads the key file again, where the runtime has one, and adds the new keys. It never throws: a
   * file that cannot be read leaves the keys as they are.
   */
  reload(): Promise<void>;
}

/** Keys that never change. */
export function staticPassportSigningKeys(
  keys: readonly PassportSigningKey[],
): PassportSigningKeys {
  return { all: () => keys, reload: () => Promise.resolve() };
}

/** The environment's keys, and those that were added to `source` since. */
export function createPassportSigningKeys(
  initial: readonly PassportSigningKey[],
  { source, log }: { readonly source: KeySource; readonly log: () => Logger },
): PassportSigningKeys {
  let keys = initial;

  async function read(): Promise<void> {
    try {
      const current = new Set(keys.map(({ signing }) => signing.kid));
      const found = z.parse(passportSigningKeysSetting, await source());
      // A key added later signs only when the configuration chooses it.
      const added = found.filter(({ kid }) => !current.has(kid))
        .map((entry) => ({ ...entry, state: "published" as const }));
      if (added.length === 0) return;
      keys = [...keys, ...await readPassportSigningKeys(added)];
      log().info("Passport keys were added", { kids: added.map(({ kid }) => kid) });
    } catch {
      // Without the cause, which may quote key material.
      log().error("Passport keys could not be read again");
    }
  }

  return { all: () => keys, reload: shareRun(read) };
}

/**
 * Before a version becomes current, loads the keys that it names and that are missing: Passport
 * keys from the key file, keys of our access tokens from the issuer. This happens once a version,
 * so an unknown `kid` in a client's token cannot cause it.
 */
export function prepareKeys(
  configuration: LiveConfiguration<GatewayValues>,
  { keys, issuers }: {
    readonly keys: PassportSigningKeys;
    readonly issuers: ReadonlyMap<string, Issuer>;
  },
): void {
  configuration.prepare(({ keys: { passport = {} } }) => {
    const current = new Set(keys.all().map(({ signing }) => signing.kid));
    return usableKids(passport).every((kid) => current.has(kid)) ? undefined : keys.reload();
  });
  const own = issuers.values().find(({ alias }) => alias === undefined);
  if (own) configuration.prepare(({ keys: { access = {} } }) => own.expectKeys(usableKids(access)));
}

function usableKids(states: Readonly<Record<string, string>>): string[] {
  return Object.entries(states)
    .filter(([, state]) => state === "published" || state === "signing")
    .map(([kid]) => kid);
}
