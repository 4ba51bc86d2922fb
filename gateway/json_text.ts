import { decodeUtf8 } from "@edgepass/shared/crypto";

/** A body read as JSON. */
export interface JsonText {
  /** The document as received, without a byte order mark; `null` for a body without content. */
  readonly text: string;
  readonly value: unknown;
}

const byteOrderMark = [0xef, 0xbb, 0xbf] as const;
/** White space of JSON (RFC 8259 §2); any other white space is content. */
const blank = /^[ \t\r\n]*$/;

/**
 * The bytes without the byte order mark, which parsers may ignore (RFC 8259 §8.1) and most refuse.
 */
export function withoutByteOrderMark(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return byteOrderMark.every((byte, at) => bytes[at] === byte) ? bytes.subarray(3) : bytes;
}

/**
 * Reads a body as JSON; undefined if it is not JSON.
 *
 * A declared charset is ignored: JSON has none (RFC 8259 §11), and text in another encoding is
 * hardly ever valid UTF-8 by accident. A body without content is a valid response (RFC 9110 §6.4):
 * `null`.
 */
export function readJsonText(bytes: Uint8Array<ArrayBuffer>): JsonText | undefined {
  try {
    const text = decodeUtf8(withoutByteOrderMark(bytes));
    return blank.test(text) ? { text: "null", value: null } : { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A token of JSON after white space: a string, a bracket, comma or colon, or anything else. */
const token = /[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}[\],:])|([^\s"{}[\],:]+))/y;

/**
 * The complete text members at the beginning of a truncated object. For a failure that is too long
 * to read they usually contain its code and message.
 */
export function readBeginning(bytes: Uint8Array<ArrayBuffer>): Readonly<Record<string, unknown>> {
  const members = new Map<string, unknown>();
  const text = new TextDecoder().decode(withoutByteOrderMark(bytes));
  const path: string[] = [];
  let name: string | undefined;
  let isValue = false;
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, quoted, mark = ""] = match;
    const isTop = path.length === 1 && path[0] === "{";
    if (quoted !== undefined && isTop) {
      if (!isValue) name = readString(quoted);
      else if (name !== undefined) members.set(name, readString(quoted));
    }
    if (mark === "{" || mark === "[") path.push(mark);
    else if (mark === "}" || mark === "]") path.pop();
    if (path.length === 0) break;
    if (isTop && (mark === ":" || mark === ",")) isValue = mark === ":";
  }
  return Object.fromEntries(members);
}

function readString(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}
