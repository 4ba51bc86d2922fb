/** Gives this many random bytes. */
export type Random = (count: number) => Uint8Array;

/** Random bytes of Web Crypto. */
export function cryptoRandom(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** A number from 0 up to but not including 1. */
export function fraction(random: Random): number {
  const bytes = random(6);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
}

/** Makes ids such as `msg_…`: sortable by time, and as unpredictable as `random`. */
export function makeId(prefix: string, now: number, random: Random): string {
  return `${prefix}_${now.toString(36).padStart(9, "0")}${random(12).toHex()}`;
}
