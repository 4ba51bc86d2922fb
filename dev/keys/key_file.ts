import type { ConfiguredKeyState, KeyKind } from "@edgepass/shared/configuration";
import * as z from "zod/mini";
import { makeAccessTokenKey, makePassportKey } from "../keys.ts";
import { writeText } from "../state_file.ts";

const Entry = z.looseObject({ kid: z.string(), state: z.string() });
type Entry = z.output<typeof Entry>;
const Passport = z.array(Entry);
const Access = z.object({ keys: z.array(Entry) });

/**
 * Gives a file of keys a next key, unless it has one, and answers its `kid`. What is in force is
 * written to the file as well, so that a start without the central configuration signs with the same
 * key; what is revoked leaves the file.
 */
export async function refillKeyFile(
  path: string,
  kind: KeyKind,
  states: Readonly<Record<string, ConfiguredKeyState>>,
): Promise<string> {
  const text: unknown = JSON.parse(await Deno.readTextFile(path));
  const given = kind === "access" ? z.parse(Access, text).keys : z.parse(Passport, text);
  const stateOf = (kid: string) => Object.hasOwn(states, kid) ? states[kid] : undefined;
  const kept = given.filter(({ kid }) => stateOf(kid) !== "revoked")
    .map((entry) => ({ ...entry, state: stateOf(entry.kid) ?? entry.state }));
  const there = kept.find(({ state }) => state === "published");
  const next: Entry = there ??
    (kind === "access" ? await makeAccessTokenKey("published") : makePassportKey("published"));
  const keys = there ? kept : [...kept, next];
  writeText(path, JSON.stringify(kind === "access" ? { keys } : keys));
  return next.kid;
}
