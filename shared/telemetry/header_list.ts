/** A header's name is a token (RFC 9110 §5.6.2). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The characters of a header's value, without line breaks: no header injection. */
const value = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/;

/**
 * Reads headers in the format of W3C Baggage, as OpenTelemetry's settings use it:
 * `name=value,name=value`, values percent-encoded.
 *
 * Returns undefined if any part is malformed.
 */
export function readHeaderList(text: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(at, 0)).trim().toLowerCase();
    const decoded = decode(part.slice(at + 1).trim());
    if (!token.test(name) || decoded === undefined || !value.test(decoded)) return undefined;
    headers[name] = decoded;
  }
  return headers;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
