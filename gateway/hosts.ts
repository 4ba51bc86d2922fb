import { Problem } from "@edgepass/shared/problem";

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
