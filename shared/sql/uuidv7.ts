/**
 * A new resource id: UUIDv7 (RFC 9562 §5.7), so that ids sort by creation time.
 *
 * `now` is epoch milliseconds; the 74 random bits come from Web Crypto.
 */
export function uuidv7(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10)).toHex();
  const time = BigInt(now).toString(16).padStart(12, "0");
  // The variant is the two bits 10 (RFC 9562 §4.1); the other two of that digit stay random. Ten
  // bytes are twenty digits, so there is a fourth one.
  const variant = "89ab"[Number.parseInt(random[3]!, 16) & 3];
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ].join("-");
}
