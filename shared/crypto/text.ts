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
