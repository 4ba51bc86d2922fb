/** Generates ids of `bytes` random bytes, a multiple of 8, as lower-case hex. */
export type RandomHex = (bytes: number) => string;

const poolBytes = 2048;

/**
 * A source of ids that requests random bytes in large blocks, as each request costs more than the
 * rest of a span.
 *
 * No id is all zero, which is invalid: the first bit of every eighth byte is fixed, and none of
 * these bits is among the 56 that sampling reads.
 */
export function createRandomHex(): RandomHex {
  const bytes = new Uint8Array(poolBytes);
  let hex = "";
  let at = 0;
  return function randomHex(count) {
    const end = at + count * 2;
    if (end > hex.length) {
      crypto.getRandomValues(bytes);
      // The index stays inside of the array.
      for (let index = 0; index < poolBytes; index += 8) bytes[index]! |= 0x80;
      hex = bytes.toHex();
      at = count * 2;
      return hex.slice(0, at);
    }
    const id = hex.slice(at, end);
    at = end;
    return id;
  };
}
