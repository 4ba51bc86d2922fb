/** Names remembered; clients can make up any number of them. */
const maxRemembered = 1_000;

/**
 * Remembers what a rule says of a header's name: on most requests the same few names come back, and
 * the rules are patterns.
 */
export function rememberVerdicts(rule: (name: string) => boolean): (name: string) => boolean {
  const verdicts = new Map<string, boolean>();
  return function verdict(name) {
    const known = verdicts.get(name);
    if (known !== undefined) return known;
    const fresh = rule(name);
    if (verdicts.size < maxRemembered) verdicts.set(name, fresh);
    return fresh;
  };
}
