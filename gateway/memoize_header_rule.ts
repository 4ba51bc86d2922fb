/** Names remembered; clients can make up any number of them, and long ones. */
const maxRemembered = 1_000;
const maxNameLength = 64;

/**
 * Remembers what a rule says of a header's name: on most requests the same few names come back, and
 * the rules are patterns.
 *
 * The oldest makes room: a flood of made-up names would otherwise fill the memory once, and every
 * later request would run the patterns until the instance restarts.
 */
export function memoizeHeaderRule(rule: (name: string) => boolean): (name: string) => boolean {
  const verdicts = new Map<string, boolean>();
  return function verdict(name) {
    const known = verdicts.get(name);
    if (known !== undefined) return known;
    const fresh = rule(name);
    if (name.length > maxNameLength) return fresh;
    const [oldest] = verdicts.size >= maxRemembered ? verdicts.keys() : [];
    if (oldest !== undefined) verdicts.delete(oldest);
    verdicts.set(name, fresh);
    return fresh;
  };
}
