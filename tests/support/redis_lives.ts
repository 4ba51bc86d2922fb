import * as z from "zod/mini";

/** Each reply of a pipeline over HTTP. */
const Replies = z.array(z.object({ result: z.unknown() }));
const Keys = z.array(z.string());

/**
 * The keys of a Redis that match a pattern, with their remaining seconds; null is without expiry.
 */
export async function readLives(
  settings: Readonly<Record<string, string>>,
  pattern: string,
): Promise<ReadonlyMap<string, number | null>> {
  const run = async (commands: readonly (readonly string[])[]) => {
    const response = await fetch(`${settings.UPSTASH_REDIS_REST_URL}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${settings.UPSTASH_REDIS_REST_TOKEN}` },
      body: JSON.stringify(commands),
    });
    return Replies.parse(await response.json()).map(({ result }) => result);
  };
  const [found] = await run([["KEYS", pattern]]);
  const keys = Keys.parse(found);
  const lives = keys.length === 0 ? [] : await run(keys.map((key) => ["TTL", key]));
  return new Map(keys.map((key, at) => {
    const seconds = Number(lives[at]);
    return [key, seconds === -1 ? null : seconds];
  }));
}
