/** Names under which people keep secrets; none of the document's own is like them. */
const secretName =
  /secret|passw(or)?d|passphrase|pwd|private|credential|authorization|cookie|(api|signing|encryption)[-_]?key|token$|(^|[-_])jwt$/i;

/** Members of a private or shared JWK (RFC 7518 §6, RFC 8037 §2). */
const privateMembers = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] as const;

/** Maps whose names are somebody's own: of keys and of dependencies, and never of what is secret. */
const ownNames = /^(keys\.(access|passport)|.*\bdependencies)$/;

type Path = readonly (string | number)[];

/**
 * Where a document has names that look like secrets, or a JWK with private members. The path of a
 * route, the `kid` of a key and the name of a dependency are no names of anything secret.
 */
export function findSecretNames(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null || at.length > 16) return [];
  const isKey = "kty" in value;
  const isNamed = !Array.isArray(value) && !ownNames.test(at.join("."));
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...at, Array.isArray(value) ? Number(name) : name];
    const isSecret = (isKey && privateMembers.some((one) => one === name)) ||
      (isNamed && !name.startsWith("/") && secretName.test(name));
    return isSecret ? [path] : findSecretNames(member, path);
  });
}
