import { decodeUtf8 } from "./bytes.ts";

/** A JSON object with unchecked members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in some bytes, or undefined.
 *
 * Refuses everything that two parsers may read differently, since an attacker could then show each
 * of them other claims: bytes that are not UTF-8, a byte order mark, escapes of half a surrogate
 * pair, names with a backslash, any top-level value but an object, and duplicate members (RFC 8259
 * §4 and §8, RFC 8725 §2.4).
 */
export function readJsonObject(bytes: Uint8Array<ArrayBuffer>): JsonObject | undefined {
  try {
    const text = decodeUtf8(bytes);
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || !isUnambiguous(value)) return undefined;
    return countMembers(value) === countNameSeparators(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether every text and name has one meaning.
 *
 * Half a surrogate pair has no UTF-8 form: two different names would be stored as one. And V8 15.0
 * misreads an escaped name as an earlier name with a backslash in it, `"\n"` as `"\\"`. A misread
 * name thus always has a backslash, so every name with one is refused.
 */
function isUnambiguous(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) =>
    name.isWellFormed() && !name.includes("\\") && isUnambiguous(member)
  );
}

/** Members at every depth. The parser merges a duplicate name into one member. */
function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, child) => sum + countMembers(child), own);
}

/** In valid JSON a colon outside of a string separates one name from its value. */
function countNameSeparators(text: string): number {
  let count = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (quoted && char === "\\") index++;
    else if (char === '"') quoted = !quoted;
    else if (char === ":" && !quoted) count++;
  }
  return count;
}
