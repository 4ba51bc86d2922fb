import type { Attributes, RequestDetail, Span } from "../api_types.ts";
import { toDateAndClock, toLongDuration, toRelative, toShortId, toText } from "./format.ts";

/** One thing that the gateway decided or did about a request. */
export interface Decision {
  readonly name: string;
  readonly text: string;
  readonly isRefusal: boolean;
  readonly durationMs?: number;
  /** The span with the details. */
  readonly spanId?: string;
}

const ruleWords: Readonly<Record<string, string>> = {
  public: "open to anyone",
  optional: "open to anyone, signed in or not",
  authenticated: "for people who are signed in",
};

const credentialWords: Readonly<Record<string, string>> = {
  cookie: "An access token in the cookie",
  bearer: "An access token in Authorization",
  none: "None",
};

const revocationWords: Readonly<Record<string, string>> = {
  clear: "Not revoked",
  fresh: "Not revoked, as read within the time that the route allows",
  revoked: "Revoked",
  unavailable: "Unknown: Redis did not respond",
};

/** What the gateway decided about a request, in order, read from its spans. */
export function toDecisions({ request, spans }: RequestDetail): Decision[] {
  const gateway = spans.find(({ service, kind }) => service === "gateway" && kind === "server");
  if (!gateway) return [];
  const steps = spans.filter(({ parentId }) => parentId === gateway.spanId);
  const decisions = [toRoute(gateway), toCredentials(gateway)];
  for (const step of steps.toSorted((a, b) => a.start - b.start)) {
    const words = describe(step, gateway);
    if (!words) continue;
    const { durationMs, spanId } = step;
    decisions.push({ ...words, isRefusal: step.status === "error", durationMs, spanId });
  }
  const status = request?.status ?? gateway.attributes["http.response.status_code"];
  const code = request?.code ?? textOf(gateway, "error.type");
  decisions.push({
    name: "Response",
    text: code ? `${toText(status)} ${code}` : toText(status ?? "not yet"),
    isRefusal: Boolean(code),
  });
  return decisions;
}

function textOf({ attributes }: Span, name: string): string | undefined {
  const value = attributes[name];
  return value === undefined || value === null || value === "" ? undefined : toText(value);
}

function toRoute(gateway: Span): Decision {
  const route = textOf(gateway, "http.route");
  const rule = textOf(gateway, "edgepass.rule");
  const roles = rule?.startsWith("roles:")
    ? `for the role ${rule.slice(6).replaceAll(",", " or ")}`
    : undefined;
  const words = roles ?? ruleWords[rule ?? ""];
  const text = route ? `${route}${words ? `, ${words}` : ""}` : "None fits";
  return { name: "Route", text, isRefusal: route === undefined };
}

function toCredentials(gateway: Span): Decision {
  const words = credentialWords[textOf(gateway, "edgepass.credential") ?? "none"];
  const person = textOf(gateway, "user.id");
  const text = `${words ?? "Unknown"}${person ? `, of ${toShortId(person)}` : ""}`;
  return { name: "Credentials", text, isRefusal: false };
}

function describe(step: Span, gateway: Span): Pick<Decision, "name" | "text"> | undefined {
  const failure = textOf(step, "error.type");
  const because = failure ? `: ${failure}` : "";
  const reason = textOf(gateway, "edgepass.token.refusal");
  switch (step.name) {
    case "gateway.verify": {
      const kid = textOf(gateway, "edgepass.token.kid");
      const issuer = textOf(gateway, "edgepass.issuer");
      if (step.status === "error") {
        return { name: "Verify", text: `Refused${because}${reason ? `, ${reason}` : ""}` };
      }
      const by = issuer ? `, issuer ${issuer}` : "";
      return { name: "Verify", text: `Signed with the key ${kid ?? "(unknown)"}${by}` };
    }
    case "gateway.revocation": {
      const outcome = textOf(step, "edgepass.revocation.answer") ?? "";
      const mode = textOf(step, "edgepass.revocation.mode");
      const by = outcome === "revoked" && reason ? `, ${reason}` : "";
      const words = `${revocationWords[outcome] ?? `${outcome}${because}`}${by}`;
      return { name: "Revocation", text: `${words}${mode ? ` (${mode})` : ""}` };
    }
    case "gateway.sign": {
      const kid = textOf(step, "edgepass.passport.kid");
      const policy = textOf(step, "edgepass.passport.pv");
      const by = kid ? ` with the key ${kid}` : "";
      return { name: "Sign", text: `Passport${policy ? ` ${policy}` : ""}${by}${because}` };
    }
    case "gateway.envelope":
      return { name: "Envelope", text: failure ? `Failed${because}` : "The response is wrapped" };
  }
  return step.kind === "client" ? toForward(step, because) : undefined;
}

function toForward(step: Span, because: string): Pick<Decision, "name" | "text"> {
  const peer = textOf(step, "edgepass.peer") ?? "the service";
  const status = textOf(step, "http.response.status_code");
  const text = status ? `${peer} returned ${status}` : `${peer} did not respond${because}`;
  return { name: "Forward", text };
}

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
  ext: "Further claims of the token: their names only, the values are not recorded",
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
