import assert from "node:assert/strict";
import { eventTypes } from "@edgepass/contracts";
import { problemCodes } from "@edgepass/shared/problem";
import type { RefusalReason } from "@edgepass/shared/tokens";
import {
  configurationKeys,
  revocationKeys,
  type RevocationLevel,
  sequenceMarkKey,
} from "@edgepass/shared/redis";
import { refusalWords } from "../dev/page/logic/token_refusals.ts";
import { readProjectFile } from "./support/markdown.ts";
import { files } from "./support/sources.ts";

/** The cells of a document's table rows that begin with code. */
async function readRows(path: string): Promise<string[][]> {
  const text = await readProjectFile(path);
  return Array.from(
    text.matchAll(/^\| (`.*) \|$/gm),
    ([, row = ""]) => row.split(" | ").map((cell) => cell.trim()),
  );
}

const bare = (cell: string | undefined): string => /^`([^`]+)`$/.exec(cell ?? "")?.[1] ?? "";

Deno.test("docs/problems.md has every code with its status and title", async () => {
  const rows = await readRows("docs/problems.md");
  const documented = rows.map(([code, status, title]) => [bare(code), Number(status), title]);
  const actual = Object.entries(problemCodes).map(([code, row]) => [code, ...row]);
  assert.deepEqual(documented, actual);
  for (const [code = "", , , meaning, remedy] of rows) assert.ok(meaning && remedy, code);
});

/** A reason without a name that the code has; one that is missing here does not compile. */
const plainReasons = {
  malformed: 1,
  unknown_issuer: 1,
  kid_unknown: 1,
  alg_not_allowed: 1,
  signature: 1,
  audience: 1,
  typ: 1,
  expired: 1,
  not_yet_valid: 1,
  life_too_long: 1,
  too_large: 1,
} as const satisfies Record<
  Exclude<
    RefusalReason,
    `header_${string}` | `claim_missing:${string}` | `claim_invalid:${string}`
  >,
  1
>;

Deno.test("every reason of the code has words, and no other", () => {
  const levels = Object.keys(placeholders).map((level) => `revoked:${level}`);
  const named = ["header_<name>", "claim_missing:<name>", "claim_invalid:<name>"];
  const reasons = [...Object.keys(plainReasons), ...named, ...levels];
  assert.deepEqual(Object.keys(refusalWords).toSorted(), reasons.toSorted());
});

Deno.test("docs/token-refusals.md has every reason with its meaning and remedy", async () => {
  const rows = (await readRows("docs/token-refusals.md")).filter((row) => row.length === 3);
  assert.deepEqual(
    rows.map(([reason, ...words]) => [bare(reason), ...words]),
    Object.entries(refusalWords).map(([reason, words]) => [reason, ...words]),
  );
});

/** The result of each key builder for the placeholder that the document uses. */
const placeholders = {
  token: "<jti>",
  login: "<sid>",
  subject: "<sub>",
  key: "<kid>",
} as const satisfies Record<RevocationLevel, string>;

Deno.test("docs/redis.md has exactly the keys of the builders", async () => {
  const levels = Object.entries(placeholders) as [RevocationLevel, string][];
  const built = [
    ...levels.map(([level, id]) => revocationKeys.of(level, id)),
    revocationKeys.ready,
    revocationKeys.rebuild("<id>"),
    ...Object.values(configurationKeys),
    sequenceMarkKey("<service>"),
  ];
  const rows = await readRows("docs/redis.md");
  assert.deepEqual(rows.map(([key]) => bare(key)), built);
  for (const row of rows) assert.ok(row.every((cell) => cell !== ""), row.join());
  const text = await readProjectFile("docs/redis.md");
  assert.ok(text.includes(`\`${revocationKeys.of("subject", "42", "corp")}\``));
});

Deno.test("only the builders contain Redis key prefixes", async () => {
  for await (const { path, text } of files()) {
    if (path === "shared/redis/redis.ts") continue;
    assert.doesNotMatch(text, /["'`]rv:/, path);
  }
});

Deno.test("docs/events.md has every type of event with its publisher, facet and consumers", async () => {
  const rows = (await readRows("docs/events.md")).filter((row) => row.length === 6);
  const documented = rows.map(([type, source, data, facet, consumers]) => [
    bare(type),
    `/${source}`,
    [...data?.matchAll(/`(\w+)`/g) ?? []].map(([, name]) => name),
    facet,
    consumers?.split(", ").filter((one) => one !== ""),
  ]);
  const actual = Object.entries(eventTypes).map(([type, { source, data, facet, consumers }]) => [
    type,
    source,
    Object.keys(data.shape),
    facet,
    consumers,
  ]);
  assert.deepEqual(documented, actual);
});
