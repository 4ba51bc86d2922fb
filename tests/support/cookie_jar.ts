interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  /** Epoch milliseconds; a session cookie has none. */
  readonly expiresAt?: number;
}

/** Cookies of one origin, as a browser stores them (RFC 6265bis §5.6 and §5.7). */
export interface CookieJar {
  /** Stores a response's cookies; those that a browser would refuse are ignored. */
  store(response: Response, path: string): void;
  /** The Cookie header of a request, or undefined without any. */
  header(path: string): string | undefined;
  /** A cookie's value, an HttpOnly cookie's too. */
  get(name: string): string | undefined;
}

/** Makes an empty jar for one origin. */
export function createCookieJar(
  origin: string,
  { now = Date.now }: { now?: () => number } = {},
): CookieJar {
  const isSecure = new URL(origin).protocol === "https:";
  const cookies = new Map<string, Cookie>();
  const alive = (): Cookie[] =>
    [...cookies.values()].filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt > now());
  return {
    store(response, path) {
      for (const line of response.headers.getSetCookie()) {
        const cookie = readCookie(line, { path, isSecure, now: now() });
        if (cookie) cookies.set(`${cookie.name} ${cookie.path}`, cookie);
      }
    },
    header(path) {
      const sent = alive().filter((cookie) =>
        matchesPath(path, cookie.path) && (isSecure || !cookie.secure)
      );
      const pairs = sent.toSorted((a, b) => b.path.length - a.path.length)
        .map(({ name, value }) => `${name}=${value}`);
      return pairs.length === 0 ? undefined : pairs.join("; ");
    },
    get: (name) => alive().find((cookie) => cookie.name === name)?.value,
  };
}

function readCookie(
  line: string,
  { path, isSecure, now }: { path: string; isSecure: boolean; now: number },
): Cookie | undefined {
  const [pair = "", ...rest] = line.split(";");
  const [name, value] = split(pair);
  const attributes = new Map(rest.map(split).map(([key, text]) => [key.toLowerCase(), text]));
  const given = attributes.get("path");
  const cookie = {
    name,
    value,
    path: given?.startsWith("/") ? given : defaultPath(path),
    secure: attributes.has("secure"),
    ...readExpiry(attributes, now),
  };
  if (name === "" || attributes.has("domain")) return undefined;
  if (cookie.secure && !isSecure) return undefined;
  const isHostOnly = cookie.secure && cookie.path === "/";
  if (/^__host-/i.test(name) && !isHostOnly) return undefined;
  return /^__secure-/i.test(name) && !cookie.secure ? undefined : cookie;
}

function split(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  return at === -1 ? [text.trim(), ""] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/** `Max-Age` wins over `Expires`; zero and less expire the cookie at once. */
function readExpiry(
  attributes: ReadonlyMap<string, string>,
  now: number,
): { expiresAt?: number } {
  const maxAge = attributes.get("max-age");
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
    return { expiresAt: now + Number(maxAge) * 1000 };
  }
  const expires = Date.parse(attributes.get("expires") ?? "");
  return Number.isNaN(expires) ? {} : { expiresAt: expires };
}

function defaultPath(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

function matchesPath(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true;
  return path.startsWith(cookiePath.endsWith("/") ? cookiePath : `${cookiePath}/`);
}
