import { Problem } from "@edgepass/shared/problem";

/** A request target in canonical form (RFC 9112 §3.2, RFC 3986 §3.3). */
export interface Target {
  /** The path alone. */
  readonly path: string;
  /** Path and query: what is routed, authorised and sent, byte for byte. */
  readonly pathAndQuery: string;
  /** The path's segments, not decoded. */
  readonly segments: readonly string[];
}

export interface TargetLimits {
  readonly maxBytes: number;
  readonly maxParameters: number;
}

const path = /^(?:\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-Fa-f]{2})*)+$/;
// Without `"`, `'`, `<`, `>`, `\`, `#` and blanks: URL parsers would serialize them differently.
const query = /^(?:[!$&()*+,\-./0-9:;=?@A-Z[\]^_`a-z{|}~]|%[0-9A-Fa-f]{2})*$/;
/** Escapes of characters that need none, or that change the path once decoded; and `%25xx`. */
const aliases =
  /%(?:[01][0-9a-f]|2[def]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9aef]|25[0-9a-f]{2})/i;

/**
 * Reads the target from a request's URL as received, before any normalisation.
 *
 * Refuses every spelling that another parser could read as another path, which would bypass that
 * path's access rule: empty and dot segments, backslashes, escapes of characters that need none,
 * double escapes, and escapes that are not UTF-8.
 *
 * @throws {Problem} `path_not_canonical`, `uri_too_long`
 */
export function readTarget(url: string, { maxBytes, maxParameters }: TargetLimits): Target {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const pathAndQuery = start === -1 ? "/" : url.slice(start);
  if (pathAndQuery.length > maxBytes) throw new Problem("uri_too_long");
  const mark = pathAndQuery.indexOf("?");
  const rawPath = mark === -1 ? pathAndQuery : pathAndQuery.slice(0, mark);
  const rawQuery = mark === -1 ? "" : pathAndQuery.slice(mark + 1);
  const segments = rawPath.slice(1).split("/");
  if (!isCanonical(rawPath, segments) || !query.test(rawQuery)) {
    throw new Problem("path_not_canonical");
  }
  if (rawQuery.split("&").length > maxParameters) throw new Problem("uri_too_long");
  return { path: rawPath, pathAndQuery, segments };
}

/**
 * The path of a request's URL as received, before it is checked, for the router. A URL without a path
 * is routed as `/`. Runtimes put a target such as `*` (RFC 9112 §3.2.4) into the authority, which is
 * then not one of ours.
 */
export function readPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

function isCanonical(rawPath: string, segments: readonly string[]): boolean {
  if (!path.test(rawPath) || segments.some(isDotSegment)) return false;
  // Only the last segment may be empty: a trailing slash, or the root.
  if (segments.slice(0, -1).includes("")) return false;
  return !rawPath.includes("%") || (!aliases.test(rawPath) && isUtf8(rawPath));
}

function isDotSegment(segment: string): boolean {
  return segment === "." || segment === "..";
}

function isUtf8(rawPath: string): boolean {
  try {
    decodeURIComponent(rawPath);
    return true;
  } catch {
    return false;
  }
}

const loopback = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/**
 * Makes the check that a request is for this gateway, by its Host and by the authority of its URL.
 *
 * The origin comes from configuration alone, so a request for any other host is refused (RFC 9110
 * §7.4). On a loopback origin every loopback name passes, whatever the port: containers and
 * editors forward ports. Two Host headers arrive joined by a comma and never match.
 *
 * @throws {Problem} `misdirected_request`
 */
export function createHostCheck(publicOrigin: string): (request: Request) => void {
  const { host } = new URL(publicOrigin);
  const isOurs = loopback.test(host)
    ? (name: string) => loopback.test(name)
    : (name: string) => name === host;
  return (request) => {
    const start = request.url.indexOf("://") + 3;
    const end = request.url.indexOf("/", start);
    const authority = request.url.slice(start, end === -1 ? undefined : end).toLowerCase();
    const header = (request.headers.get("host") ?? authority).toLowerCase();
    if (!isOurs(header) || !isOurs(authority)) throw new Problem("misdirected_request");
  };
}
