import { type KeySource, shareRun } from "@edgepass/shared/crypto";
import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/log";
import * as z from "zod/mini";
import type { Issuer } from "./issuers.ts";
import {
  type PassportSigningKey,
  passportSigningKeysSetting,
  readPassportSigningKeys,
} from "./passport_keys.ts";

/** The keys that sign Passports, which may become more while the gateway runs. */
export interface PassportSigningKeys {
  /** Every key there is material of. */
  all(): readonly PassportSigningKey[];
  /**
   * Reads the file of keys again, where the runtime has one, and adds what is new. It never throws:
   * what cannot be read leaves the keys as they are.
   */
  reload(): Promise<void>;
}

/** Keys that stay as they are. */
export function staticPassportSigningKeys(
  keys: readonly PassportSigningKey[],
): PassportSigningKeys {
  return { all: () => keys, reload: () => Promise.resolve() };
}

/** Keys of the environment, and those that `source` has gained since. */
export function createPassportSigningKeys(
  initial: readonly PassportSigningKey[],
  { source, log }: { readonly source: KeySource; readonly log: () => Logger },
): PassportSigningKeys {
  let keys = initial;

  async function read(): Promise<void> {
    try {
      const known = new Set(keys.map(({ signing }) => signing.kid));
      const found = z.parse(passportSigningKeysSetting, await source());
      // What came later signs by the configuration's choice alone.
      const added = found.filter(({ kid }) => !known.has(kid))
        .map((entry) => ({ ...entry, state: "published" as const }));
      if (added.length === 0) return;
      keys = [...keys, ...await readPassportSigningKeys(added)];
      log().info("Passport keys were added", { kids: added.map(({ kid }) => kid) });
    } catch {
      // The cause may quote what it read.
      log().error("Passport keys could not be read again");
    }
  }

  return { all: () => keys, reload: shareRun(read) };
}

/**
 * Before a version gets in force, gets what it names and is not here: keys of Passports from the file
 * of keys, keys of our access tokens from the issuer. A version is asked for once, so that no `kid` of
 * a stranger causes any of it.
 */
export function prepareKeys(
  configuration: LiveConfiguration<GatewayValues>,
  { keys, issuers }: {
    readonly keys: PassportSigningKeys;
    readonly issuers: ReadonlyMap<string, Issuer>;
  },
): void {
  configuration.prepare(({ keys: { passport = {} } }) => {
    const known = new Set(keys.all().map(({ signing }) => signing.kid));
    return toUse(passport).every((kid) => known.has(kid)) ? undefined : keys.reload();
  });
  const own = issuers.values().find(({ alias }) => alias === undefined);
  if (own) configuration.prepare(({ keys: { access = {} } }) => own.expectKeys(toUse(access)));
}

function toUse(states: Readonly<Record<string, string>>): string[] {
  return Object.entries(states)
    .filter(([, state]) => state === "published" || state === "signing")
    .map(([kid]) => kid);
}
