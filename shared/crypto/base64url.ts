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
