import type { Attributes } from "../api_types.ts";
import { toDateAndClock, toLongDuration, toRelative, toText } from "./format.ts";

/** The Passport's claims in reading order, and what each of them means. */
const meanings: Readonly<Record<string, string>> = {
  sub: "Subject of the request",
  roles: "Roles of the subject",
  scope: "Scope, never wider than the access token's",
  iss: "Issuer",
  aud: "Trust domain it is valid in",
  iat: "Issued at",
  exp: "Expires at",
  txn: "Trace it belongs to",
  jti: "Id of this Passport",
  sid: "Login it comes from",
  uv: "Version of the account",
  cfg: "Version of the central configuration",
  pv: "Version of the Passport policy",
  req_wl: "Workload that requested it",
  tenant: "Tenant",
  act: "Actor on behalf of the subject",
  chain: "Services that passed it on",
};

export interface Claim {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

const times: ReadonlySet<string> = new Set(["iat", "exp", "nbf"]);

/** Claims for the reader: standard ones first, times as times. */
export function toClaims(claims: Attributes, now: number): Claim[] {
  const names = [...Object.keys(meanings), ...Object.keys(claims)];
  return [...new Set(names)].flatMap((name) => {
    const value = claims[name];
    if (value === undefined || value === null) return [];
    return [{ name, value: toValue(name, value, now), meaning: meanings[name] ?? "" }];
  });
}

/** The lifetime of the Passport: in all, and from now on; undefined without its times. */
export function toLife({ iat, exp }: Attributes, now: number): string | undefined {
  if (typeof iat !== "number" || typeof exp !== "number") return undefined;
  const lifetime = `Valid for ${toLongDuration((exp - iat) * 1000)}`;
  return exp * 1000 > now
    ? `${lifetime}, ${toLongDuration(exp * 1000 - now)} left`
    : `${lifetime}, expired ${toRelative(exp * 1000, now)}`;
}

/** NumericDate is in seconds (RFC 7519 §2). */
function toValue(name: string, value: unknown, now: number): string {
  if (times.has(name) && typeof value === "number") {
    return `${toDateAndClock(value * 1000)} (${toRelative(value * 1000, now)})`;
  }
  const list = Array.isArray(value) && value.every((one) => typeof one === "string");
  if (list) return value.length > 0 ? value.join(", ") : "none";
  return value === "" ? "none" : toText(value);
}
