import type { RequestDetail, RequestRow, Span } from "../collector/mod.ts";
import type { ProblemCode } from "@edgepass/shared/problem";
import { readTokenRefusal, type TokenRefusal } from "../page/logic/token_refusals.ts";

/** What the store has of one trace, in the order of the policy. */
export interface Facts {
  readonly request: RequestRow | null;
  /** The span in which the gateway served the request. */
  readonly gateway: Span | undefined;
  /** The spans of its steps. */
  readonly steps: ReadonlyMap<PolicyStep, Span>;
  /** Milliseconds each step took, by its span or by the gateway's line. */
  readonly tookMs: ReadonlyMap<PolicyStep, number>;
  readonly detail: RequestDetail;
  /** Where and with what code the gateway refused. */
  readonly refusal: { readonly step: PolicyStep | undefined; readonly code: string } | undefined;
  /** Why the token was refused, also where the caller then counted as anonymous. */
  readonly tokenRefusal: TokenRefusal | undefined;
}

/** Finds what the gateway decided; of several requests in one trace it is the last. */
export function readFacts(detail: RequestDetail): Facts {
  const { request, spans } = detail;
  const gateway = spans.findLast(({ kind, service }) => kind === "server" && service === "gateway");
  const steps = new Map<PolicyStep, Span>();
  for (const span of spans) {
    const step = policySteps.find((name) => name === span.attributes["edgepass.step"]);
    if (step && span.parentId === gateway?.spanId) steps.set(step, span);
  }
  const code = request?.code ?? readText(gateway, "error.type");
  const tookMs = steps.size > 0
    ? new Map([...steps].map(([step, { durationMs }]) => [step, durationMs]))
    : readLineSteps(detail);
  // Two steps call others: that of an issuer's keys ends the request before its revocation is read.
  const isOfKeys = code === "upstream_unavailable" && tookMs.has("verify") &&
    !tookMs.has("revocation") && !tookMs.has("forward");
  const failed = isOfKeys
    ? "verify"
    : [...steps].find(([, span]) => span.attributes["error.type"] === code)?.[0];
  return {
    request,
    gateway,
    steps,
    tookMs,
    detail,
    refusal: code === undefined ? undefined : { code, step: failed ?? findStep(code) },
    tokenRefusal: readTokenRefusal(detail),
  };
}

/** For slow and failed requests the gateway's log line has the time of each step. */
function readLineSteps({ logs }: RequestDetail): Map<PolicyStep, number> {
  const steps = logs.findLast(({ service, fields }) => service === "gateway" && fields.steps)
    ?.fields.steps;
  const entries = Object.entries(typeof steps === "object" && steps !== null ? steps : {});
  return new Map(policySteps.flatMap((step) => {
    const took: unknown = entries.find(([name]) => name === step)?.[1];
    return typeof took === "number" ? [[step, took] as const] : [];
  }));
}

/**
 * What the gateway read of the token: on the request's span, and where it was refused on the
 * step's.
 */
export function readToken({ gateway, steps }: Facts, name: string): string | undefined {
  return readText(gateway, name) ?? readText(steps.get("verify"), name);
}

/** The roles of the token. */
export function readRoles({ gateway, steps }: Facts): readonly string[] {
  const roles = readList(gateway, "edgepass.token.roles");
  return roles.length > 0 ? roles : readList(steps.get("verify"), "edgepass.token.roles");
}

/** An attribute that is a text and not empty. */
export function readText(span: Span | undefined, name: string): string | undefined {
  const value = span?.attributes[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An attribute that is a list of texts. */
function readList(span: Span | undefined, name: string): readonly string[] {
  const value = span?.attributes[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** The response status of a span. */
export function readStatus(span: Span): number | undefined {
  const status = span.attributes["http.response.status_code"];
  return typeof status === "number" ? status : undefined;
}

/** The gateway's policy in its order; a request passes each step or is refused there. */
export const policySteps = [
  "target",
  "route",
  "credential",
  "verify",
  "revocation",
  "authorize",
  "body",
  "sign",
  "forward",
  "envelope",
] as const;
export type PolicyStep = (typeof policySteps)[number];

/** Where the gateway refuses with a code; `rate_limited` is refused by two steps. */
const stepOfCode: Readonly<Partial<Record<ProblemCode, PolicyStep>>> = {
  misdirected_request: "target",
  path_not_canonical: "target",
  uri_too_long: "target",
  headers_too_large: "target",
  not_found: "route",
  method_not_allowed: "route",
  csrf_rejected: "credential",
  authentication_required: "verify",
  ambiguous_credentials: "verify",
  token_invalid: "verify",
  token_expired: "verify",
  token_revoked: "revocation",
  revocation_unavailable: "revocation",
  forbidden: "authorize",
  request_timeout: "body",
  payload_too_large: "body",
  unsupported_media_type: "body",
  malformed_json: "body",
  upstream_bad_response: "forward",
  upstream_unavailable: "forward",
  upstream_timeout: "forward",
};

/** The step at which the gateway refuses with a code, as far as the code alone shows it. */
export function findStep(code: string): PolicyStep | undefined {
  return Object.entries(stepOfCode).find(([name]) => name === code)?.[1];
}
