import type { KeyKind } from "@edgepass/shared/configuration";
import { nextOf } from "./next_key.ts";
import {
  type KeyRings,
  type KeySystem,
  type KeyView,
  readKeyRings,
  readSince,
} from "./key_rings.ts";

/** The state of every key, and what can be done with it; never its material. */
export async function list(system: KeySystem): Promise<string> {
  const rows: string[][] = [];
  for (const kind of ["access", "passport"] as const) {
    const keyRings = await readKeyRings(system, kind);
    for (const key of keyRings.keys) {
      rows.push([
        kind,
        key.kid,
        key.profile ?? "-",
        key.state,
        await formatSource(system, kind, key),
        formatNext(keyRings, key),
      ]);
    }
  }
  const head = ["kind", "kid", "profile", "state", "by", "next"];
  return toTable([head, ...rows]);
}

async function formatSource(system: KeySystem, kind: KeyKind, key: KeyView): Promise<string> {
  if (key.from === "own") return "the secret";
  const since = await readSince(system, kind, key.kid);
  if (!since) return "central";
  return `central, version ${since.version} since ${new Date(since.at).toISOString()}`;
}

function formatNext(keyRings: KeyRings, key: KeyView): string {
  const { kind } = keyRings;
  if (key.state === "revoked") return "take it out of the secret";
  if (!key.hasMaterial) return "its material is nowhere";
  if (key.state === "signing") return `rotate ${kind}`;
  if (key.state === "retired") return "ends by itself";
  return nextOf(keyRings, key.profile)?.kid === key.kid ? "signs next" : "waits";
}

function toTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ??
    [];
  return rows.map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join("  ").trimEnd())
    .join("\n");
}
