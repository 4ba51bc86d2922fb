import {
  type ConfigurationDocument,
  type ConfiguredKeyState,
  findStateChange,
  type KeyKind,
  type KeysSection,
  retirementSeconds,
} from "@edgepass/shared/configuration";
import type { KeyState } from "@edgepass/shared/crypto";
import { Problem, type ProblemDetail } from "@edgepass/shared/problem";
import type { Logger } from "@edgepass/shared/telemetry";
import type { Configurations } from "./configurations.ts";

/** States of access token keys in a document, by `kid`. */
export type AccessKeyStates = NonNullable<NonNullable<ConfigurationDocument["keys"]>["access"]>;

/** The keys whose states a document sets, as far as this program has them. */
export interface KnownKeys {
  /**
   * Whether a key would sign access tokens by these states; absent where no issuer of this
   * installation reads them.
   */
  readonly canSignAccess?: (states: AccessKeyStates) => Promise<boolean>;
  /** Of profile S, which every service shares; empty when all Passports are of profile A. */
  readonly passport: readonly { readonly kid: string; readonly state: KeyState }[];
}

/**
 * Finds why a document would leave no key to sign with. Each instance would refuse such a document
 * for itself; or worse, only some would, and no administrator could log in to undo it.
 *
 * The private keys of profile A are the gateway's; for those the document must name the one that
 * signs.
 */
export async function findUnusableKeys(
  { keys = {}, passport = {} }: ConfigurationDocument,
  available: KnownKeys,
): Promise<ProblemDetail[]> {
  const faults: ProblemDetail[] = [];
  const { canSignAccess } = available;
  if (!canSignAccess && keys.access) {
    // A document that revokes another issuer's key would be accepted and revoke nothing.
    const message = "is read by no issuer here: revoke the key of one at /admin/revocations";
    faults.push({ path: "keys.access", message });
  } else if (canSignAccess && !await canSignAccess(keys.access ?? {})) {
    const message = "would leave no key that signs access tokens: name one in state signing";
    faults.push({ path: "keys.access", message });
  }
  const { send, sendByRoute = {}, accept = ["S"] } = passport;
  const sent = [...(send ? [send] : []), ...Object.values(sendByRoute)];
  const states = keys.passport ?? {};
  const ofA = new Set((keys.passportPublic ?? []).map(({ kid }) => kid));
  const signs = (kid: string) => Object.hasOwn(states, kid) ? states[kid] === "signing" : undefined;

  const needsA = sent.some((profile) => profile !== "S") || !accept.includes("S");
  // A key without a state in the document keeps the state of its secret.
  if (needsA && ![...ofA].some((kid) => signs(kid) ?? true)) {
    const message =
      "needs a key of profile A that signs: deno task keys rotate passport --profile A";
    faults.push({ path: "passport", message });
  }
  const needsS = sent.some((profile) => profile !== "A") ||
    (send === undefined && accept.includes("S") && available.passport.length > 0);
  const named = Object.keys(states).some((kid) => !ofA.has(kid) && signs(kid));
  const ofSecret = available.passport.some(({ kid, state }) =>
    state === "signing" && (signs(kid) ?? true)
  );
  if (needsS && !named && !ofSecret) {
    const message =
      "would leave no key that signs Passports of profile S: name one in state signing";
    faults.push({ path: "keys.passport", message });
  }
  return faults;
}

/** Revokes retired keys once nothing they have signed can still be valid. */
export interface KeyRetirement {
  /** Revokes all keys that are due, in one version; several instances may run it at once. */
  maintain(): Promise<void>;
}

export interface KeyRetirementOptions {
  readonly configurations: Pick<Configurations, "read" | "change" | "history">;
  readonly leewaySeconds: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** The actor in history and audit. */
  readonly actorId: string;
}

interface RetiredKey {
  readonly kind: KeyKind;
  readonly kid: string;
}

const pageSize = 100;

/** Creates it. A version is read again only when one of its keys is due. */
export function createKeyRetirement(options: KeyRetirementOptions): KeyRetirement {
  const { configurations, now, log, actorId } = options;
  let seen = { version: 0, nextAt: Number.POSITIVE_INFINITY };
  return {
    async maintain() {
      const { version, document } = await configurations.read();
      if (version === seen.version && now() < seen.nextAt) return;
      const due: RetiredKey[] = [];
      let nextAt = Number.POSITIVE_INFINITY;
      for (const key of listRetired(document)) {
        const at = await findDueAt(key, options);
        if (at <= now()) due.push(key);
        else nextAt = Math.min(nextAt, at);
      }
      // A key that was not revoked now is due again at the next maintenance run.
      seen = { version, nextAt: due.length > 0 ? 0 : nextAt };
      if (due.length === 0) return;
      const kids = due.map(({ kid }) => kid);
      try {
        await configurations.change({
          document: withRevoked(document, due),
          comment: `Retired for long enough: ${kids.join(", ")}`.slice(0, 200),
          ifVersion: version,
          actorId,
        });
        log.info("Retired keys were revoked", { kids });
      } catch (error) {
        // Another instance or an administrator made the change first.
        if (!(error instanceof Problem && error.code === "conflict")) throw error;
      }
    },
  };
}

/** When a key has been retired long enough, in epoch milliseconds. */
async function findDueAt(
  { kind, kid }: RetiredKey,
  { configurations, leewaySeconds }: KeyRetirementOptions,
): Promise<number> {
  let before: { before?: number } = {};
  for (;;) {
    const page = await configurations.history({ ...before, limit: pageSize });
    const change = findStateChange(page, kind, kid);
    if (change) return change.createdAt + retirementSeconds(kind, leewaySeconds) * 1000;
    const last = page.at(-1);
    // The history does not show since when it is retired, so the key stays.
    if (!last || page.length < pageSize) return Number.POSITIVE_INFINITY;
    before = { before: last.version };
  }
}

type Document = Awaited<ReturnType<Configurations["read"]>>["document"];

/** An accepted document holds key states by `kid`. */
function keysOf({ keys }: Document): Pick<KeysSection, KeyKind> {
  return (keys ?? {}) as Pick<KeysSection, KeyKind>;
}

function listRetired(document: Document): RetiredKey[] {
  const keys = keysOf(document);
  return (["access", "passport"] as const).flatMap((kind) =>
    Object.entries<ConfiguredKeyState>(keys[kind] ?? {})
      .filter(([, state]) => state === "retired").map(([kid]) => ({ kind, kid }))
  );
}

function withRevoked(document: Document, due: readonly RetiredKey[]): unknown {
  const keys = keysOf(document);
  const statesOf = (kind: KeyKind) => {
    const revoked = due.filter((key) => key.kind === kind).map(({ kid }) => [kid, "revoked"]);
    return revoked.length === 0
      ? {}
      : { [kind]: { ...keys[kind], ...Object.fromEntries(revoked) } };
  };
  return { ...document, keys: { ...keys, ...statesOf("access"), ...statesOf("passport") } };
}
