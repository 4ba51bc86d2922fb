/** Typical names of secrets; no name of the document itself matches. */
const secretName =
  /secret|passw(or)?d|passphrase|pwd|private|credential|authorization|cookie|(api|signing|encryption)[-_]?key|token$|(^|[-_])jwt$/i;

/** Members of a private or shared JWK (RFC 7518 §6, RFC 8037 §2). */
const privateMembers = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] as const;

/** Maps whose names operators choose, for keys and dependencies; their values are never secret. */
const ownNames = /^(keys\.(access|passport)|.*\bdependencies)$/;

type Path = readonly (string | number)[];

/**
 * The paths in a document whose name looks like a secret, or that are private members of a JWK. A
 * route's path, a key's `kid` and a dependency's name do not count.
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
