/** One item of a pipeline's response. */
export type Item = { readonly result: unknown } | { readonly error: string };

/** A command as words. */
export function toWords(line: string | readonly string[]): readonly string[] {
  return typeof line === "string" ? line.split(" ") : line;
}

/** How often a pipeline is sent again that a busy machine could not run in the endpoint's limit. */
const maxRepeats = 20;

/**
 * Runs commands as one pipeline on an empty Redis and returns the items. The endpoint of a real
 * Redis refuses what its server does not reply to in time; the pipeline empties Redis first, so it
 * can be sent again.
 */
export async function runPipeline(
  { url, token }: { url: string; token: string },
  commands: readonly (readonly string[])[],
): Promise<Item[]> {
  for (let repeats = 0;; repeats++) {
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify([["FLUSHALL"], ["SCRIPT", "FLUSH"], ...commands]),
    });
    const items: Item[] | { error: string } = await response.json();
    if (Array.isArray(items)) return items.slice(2);
    if (response.status < 500 || repeats === maxRepeats) throw new Error(items.error);
  }
}

/** Makes the results of two backends comparable: removes random order, random values and clocks. */
export function normalize([name = ""]: readonly string[], item: Item): Item {
  if ("error" in item) return item;
  const upper = name.toUpperCase();
  if (/^(KEYS|SMEMBERS|SUNION|SINTER|SDIFF|SPOP)$/.test(upper)) return mapResult(item, sorted);
  if (/^(SCAN|SSCAN)$/.test(upper)) return mapResult(item, sortedPage);
  if (upper === "PTTL") return mapResult(item, (ttl) => Number(ttl) > 0 ? "positive" : ttl);
  if (upper === "TIME") return mapResult(item, (time) => Array.isArray(time) ? time.length : time);
  return upper.startsWith("Z") ? mapResult(item, shortest) : item;
}

function mapResult({ result }: { result: unknown }, change: (result: unknown) => unknown): Item {
  return { result: change(result) };
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort() : value;
}

function sortedPage(value: unknown): unknown {
  return Array.isArray(value) ? [value[0], sorted(value[1])] : value;
}

/** Redis before 7.2 writes scores with 17 digits (0.10000000000000001), later versions as we do. */
function shortest(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortest);
  const isDecimal = typeof value === "string" && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value);
  return isDecimal && /[.e]|\d{16}/.test(value) ? String(Number(value)) : value;
}
