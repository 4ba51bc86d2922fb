import { isProblemCode, type ProblemCode, problemCodes } from "@edgepass/shared/problem";
import type { AccessRule } from "./routes.ts";

/** The codes of failures of one status; `open` where a service does not list its own. */
export interface FailureCodes {
  readonly codes: readonly string[];
  readonly open: boolean;
}

const everyRequest: readonly ProblemCode[] = [
  "path_not_canonical",
  "uri_too_long",
  "misdirected_request",
  "headers_too_large",
  "internal",
];
const everyForwarded: readonly ProblemCode[] = [
  "upstream_bad_response",
  "upstream_unavailable",
  "upstream_timeout",
];
const everyToken: readonly ProblemCode[] = [
  "authentication_required",
  "token_invalid",
  "token_expired",
  "token_revoked",
  "ambiguous_credentials",
  "revocation_unavailable",
];
const everyBody: readonly ProblemCode[] = [
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
];

/**
 * The codes with which the gateway itself may refuse a request, by the steps that the request
 * passes.
 */
export function gatewayCodes(
  { rule, unsafe, hasBody }: { rule: AccessRule; unsafe: boolean; hasBody: boolean },
): readonly ProblemCode[] {
  const requiresToken = rule !== "public" && rule !== "optional";
  return [
    ...everyRequest,
    ...(unsafe ? ["csrf_rejected"] as const : []),
    ...(requiresToken ? everyToken : []),
    ...(typeof rule === "object" ? ["forbidden"] as const : []),
    ...(hasBody ? everyBody : []),
    ...everyForwarded,
  ];
}

/** The codes with which the gateway may refuse a request for its own documents. */
export const documentCodes = everyRequest;

/** Codes by status, in the order of the catalogue. */
export function groupByStatus(codes: Iterable<ProblemCode>): Map<string, ProblemCode[]> {
  const given = new Set(codes);
  const ordered = Object.keys(problemCodes).filter(isProblemCode).filter((code) => given.has(code));
  return Map.groupBy(ordered, (code) => String(problemCodes[code][0]));
}
