const hextet = /^[0-9a-f]{1,4}$/i;

/** The network of callers without a known address; they share one. */
export const unknownNetwork = "unknown";

/**
 * The network of an address, in canonical form: an IPv4 address itself, the /64 of IPv6.
 *
 * A /64 is what one household or server gets. IPv4 inside of IPv6 (`::ffff:192.0.2.1`) is the IPv4
 * address. Anything but exactly one address is `unknown`.
 */
export function toNetwork(address: string | undefined): string {
  if (address === undefined) return unknownNetwork;
  const text = address.trim();
  if (!text.includes(":")) return readIpv4(text)?.join(".") ?? unknownNetwork;
  const groups = readIpv6(text);
  if (!groups) return unknownNetwork;
  const [g0, g1, g2, g3, g4, g5, g6 = 0, g7 = 0] = groups;
  const isMapped = [g0, g1, g2, g3, g4].every((group) => group === 0) && g5 === 0xffff;
  if (isMapped) return [g6 >> 8, g6 & 0xff, g7 >> 8, g7 & 0xff].join(".");
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(":")}::/64`;
}

/** Dotted decimal without leading zeros, which some parsers read as octal. */
function readIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2); a zone id is not part of it. */
function readIpv6(text: string): number[] | undefined {
  const [address = ""] = text.split("%");
  const halves = address.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(readGroups);
  if (!head) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (!tail || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function readGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const ipv4 = readIpv4(parts.at(-1) ?? "");
  const hex = ipv4 ? parts.slice(0, -1) : parts;
  if (!hex.every((part) => hextet.test(part))) return undefined;
  const groups = hex.map((part) => parseInt(part, 16));
  if (!ipv4) return groups;
  const [a = 0, b = 0, c = 0, d = 0] = ipv4;
  return [...groups, a << 8 | b, c << 8 | d];
}
