/** Names under which people keep secrets; none of the document's own is like them. */
const secretName =
  /secret|passw(or)?d|passphrase|pwd|private|credential|authorization|cookie|(api|signing|encryption)[-_]?key|token$|(^|[-_])jwt$/i;

/** Members of a private or shared JWK (RFC 7518 §6, RFC 8037 §2). */
const privateMembers = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] as const;

/**
 * Where a value has names that look like secrets, or a JWK with private members. The path of a route
 * is no name of anything.
 */
export function findSecretNames(value: unknown, depth = 0): (string | number)[][] {
  if (typeof value !== "object" || value === null || depth > 16) return [];
  const isKey = "kty" in value;
  return Object.entries(value).flatMap(([name, member]) => {
    const step = Array.isArray(value) ? Number(name) : name;
    const isSecret = (isKey && privateMembers.some((one) => one === name)) ||
      (!Array.isArray(value) && !name.startsWith("/") && secretName.test(name));
    if (isSecret) return [[step]];
    return findSecretNames(member, depth + 1).map((path) => [step, ...path]);
  });
}
