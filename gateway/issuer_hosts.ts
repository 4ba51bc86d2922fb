/** IPv4 networks that are not the internet's, as `[address, bits of the network]`. */
const networks = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Cloud providers serve a machine's credentials at 169.254.169.254.
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const;

/** Whether a URL's host is this machine: by name, or by an address of its own. */
export function isLoopback({ hostname }: Pick<URL, "hostname">): boolean {
  const host = withoutDot(hostname);
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  const ipv4 = readIpv4(host);
  return ipv4 === undefined ? host === "[::1]" : ipv4 >>> 24 === 127;
}

/**
 * Whether a URL's host is literally an address that only this machine or its network reaches
 * (RFC 1918, RFC 4193, RFC 3927), or the machine itself. A name is not resolved.
 */
export function isInternal(url: Pick<URL, "hostname">): boolean {
  if (isLoopback(url)) return true;
  const host = withoutDot(url.hostname);
  const ipv4 = readIpv4(host);
  if (ipv4 !== undefined) return networks.some((network) => contains(network, ipv4));
  // `URL` writes an IPv6 address in its shortest form: `::`, fc00::/7, and fe80::/10.
  return /^\[(::\]|f[cd]|fe[89ab])/.test(host);
}

function withoutDot(hostname: string): string {
  return hostname.replace(/\.$/, "");
}

/**
 * The address of a host that `URL` has normalised, also where IPv6 carries it (RFC 4291 §2.5.5,
 * RFC 6052): `http://2130706433` and `http://[::ffff:127.0.0.1]` are both loopback.
 */
function readIpv4(host: string): number | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return toNumber(host);
  const [, high, low] =
    /^\[(?:::ffff:|64:ff9b::|::)([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return (Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)) >>> 0;
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function contains([address, bits]: (typeof networks)[number], ipv4: number): boolean {
  const shift = 32 - bits;
  return ipv4 >>> shift === toNumber(address) >>> shift;
}
