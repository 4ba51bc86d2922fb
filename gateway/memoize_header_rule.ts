import { createBoundedMap } from "@edgepass/shared/context";

/** Names stored; clients can invent any number of names, and long ones. */
const maxRemembered = 1_000;
const maxNameLength = 64;

/**
 * Caches a rule's result for each header name: most requests have the same few names, and the rules
 * are regular expressions.
 *
 * The oldest entry is evicted: otherwise a flood of invented names would fill the cache once, and
 * every later request would run the expressions until the instance restarts.
 */
export function memoizeHeaderRule(rule: (name: string) => boolean): (name: string) => boolean {
  const verdicts = createBoundedMap<string, boolean>(maxRemembered);
  return function verdict(name) {
    const cached = verdicts.get(name);
    if (cached !== undefined) return cached;
    const fresh = rule(name);
    if (name.length > maxNameLength) return fresh;
    verdicts.set(name, fresh);
    return fresh;
  };
}
