import type { ProblemCode } from "@edgepass/shared/problem";

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

/** Where the gateway refuses with a code; it refuses with no other. */
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
