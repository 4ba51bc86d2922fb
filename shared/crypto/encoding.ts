/** Base64url without padding (RFC 4648 §5, RFC 7515 §2). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * The bytes of a canonical base64url text, or undefined.
 *
 * Canonical: no padding, no white space, no loose trailing bits, so that one sequence of bytes
 * has one spelling (RFC 4648 §3.5).
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    // The built-in decoder accepts all of these; only a canonical text encodes to itself again.
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return encodeBase64Url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Text in bytes and JSON in text: strict where a lenient reader would let two programs see different
 * content in the same bytes.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const strictWithoutMark = new TextDecoder("utf-8", { fatal: true });

/**
 * Decodes UTF-8. A byte order mark stays in the text, where `JSON.parse` refuses it (RFC 8259 §8.1).
 *
 * @throws {TypeError} for bytes that are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array | ArrayBuffer): string {
  return strict.decode(bytes);
}

/**
 * Decodes UTF-8, without the byte order mark that it may begin with.
 *
 * @throws {TypeError} for bytes that are not UTF-8
 */
export function decodeUtf8WithoutMark(bytes: Uint8Array | ArrayBuffer): string {
  return strictWithoutMark.decode(bytes);
}

/** The value of a JSON text; undefined, which no JSON text means, for any other text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * SHA-256 of bytes, or of a text in UTF-8, as base64url: stored or compared instead of content that
 * is secret or too long.
 */
export async function digest(content: string | ArrayBuffer): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Unguessable text of `bytes` random bytes, base64url: token ids, refresh tokens, cursors' salt. */
export function randomToken(bytes: number): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** A JSON object with unchecked members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper than any claim: reading costs more than verifying if a text is all brackets. */
const maxDepth = 32;

/**
 * The JSON object in some bytes, or undefined.
 *
 * Refuses everything that two parsers may read differently, since an attacker could then show each
 * of them other claims: bytes that are not UTF-8, a byte order mark, escapes of half a surrogate
 * pair, names with a backslash, any top-level value but an object, and duplicate members (RFC 8259
 * §4 and §8, RFC 8725 §2.4). Refuses nesting over 32 levels before it is parsed.
 */
export function readJsonObject(bytes: Uint8Array<ArrayBuffer>): JsonObject | undefined {
  try {
    const text = decodeUtf8(bytes);
    const names = countNameSeparators(text);
    const value: unknown = names === undefined ? undefined : JSON.parse(text);
    return isObject(value) && countMembers(value) === names ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Members at every depth; undefined where a text or name has more than one meaning. The parser
 * merges a duplicate name into one member.
 *
 * Half a surrogate pair has no UTF-8 form: two different names would be stored as one. And V8 15.0
 * misreads an escaped name as an earlier name with a backslash in it, `"\n"` as `"\\"`. A misread
 * name thus always has a backslash, so every name with one is refused.
 */
function countMembers(value: unknown): number | undefined {
  if (typeof value === "string") return value.isWellFormed() ? 0 : undefined;
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const members = countMembers(item);
      if (members === undefined) return undefined;
      count += members;
    }
    return count;
  }
  for (const [name, member] of Object.entries(value)) {
    const members = countMembers(member);
    if (members === undefined || !name.isWellFormed() || name.includes("\\")) return undefined;
    count += 1 + members;
  }
  return count;
}

/**
 * In valid JSON a colon outside of a string separates one name from its value. Undefined for text
 * that is nested too deeply.
 */
function countNameSeparators(text: string): number | undefined {
  let count = 0;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (quoted && char === "\\") index++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === ":") count++;
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    if (depth > maxDepth) return undefined;
  }
  return count;
}
