import {
  type ConfiguredKeyState,
  findStateChange,
  type KeyKind,
  type KeysSection,
  retirementSeconds,
} from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import type { Configurations } from "./configurations.ts";

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
        log.info("Retired keys verify nothing any more", { kids });
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
