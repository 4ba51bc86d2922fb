import * as z from "zod/mini";
import type { ConfiguredKeyState, KeyKind } from "@edgepass/shared/configuration";
import { makeAccessTokenKey, makePassportKey } from "@edgepass/shared/crypto";
import { writeText } from "../../workspace/workspace.ts";

const Entry = z.looseObject({ kid: z.string(), state: z.string() });
type Entry = z.output<typeof Entry>;
const Passport = z.array(Entry);
const Access = z.object({ keys: z.array(Entry) });

/**
 * Adds a next key to a file of keys, unless it has one, and returns its `kid`. The current states
 * are written to the file as well, so that a start without the central configuration signs with the
 * same key; revoked keys leave the file.
 */
export async function updateKeyFile(
  path: string,
  kind: KeyKind,
  states: Readonly<Record<string, ConfiguredKeyState>>,
): Promise<string> {
  const text: unknown = JSON.parse(await Deno.readTextFile(path));
  const given = kind === "access" ? z.parse(Access, text).keys : z.parse(Passport, text);
  const stateOf = (kid: string) => Object.hasOwn(states, kid) ? states[kid] : undefined;
  const remaining = given.filter(({ kid }) => stateOf(kid) !== "revoked")
    .map((entry) => ({ ...entry, state: stateOf(entry.kid) ?? entry.state }));
  const published = remaining.find(({ state }) => state === "published");
  const next: Entry = published ??
    (kind === "access" ? await makeAccessTokenKey("published") : makePassportKey("published"));
  const keys = published ? remaining : [...remaining, next];
  writeText(path, JSON.stringify(kind === "access" ? { keys } : keys));
  return next.kid;
}
