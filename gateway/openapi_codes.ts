import { isProblemCode, type ProblemCode, problemCodes } from "@edgepass/shared/problem";
import type { AccessRule } from "./routes.ts";

/** The codes that failures of one status have; `open` where a service does not name its own. */
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

/** What the gateway itself may refuse a request for, by the steps the request goes through. */
export function gatewayCodes(
  { rule, unsafe, hasBody }: { rule: AccessRule; unsafe: boolean; hasBody: boolean },
): readonly ProblemCode[] {
  const asksForToken = rule !== "public" && rule !== "optional";
  return [
    ...everyRequest,
    ...(unsafe ? ["csrf_rejected"] as const : []),
    ...(asksForToken ? everyToken : []),
    ...(typeof rule === "object" ? ["forbidden"] as const : []),
    ...(hasBody ? everyBody : []),
    ...everyForwarded,
  ];
}

/** What the gateway may refuse a request for its own documents for. */
export const documentCodes = everyRequest;

/** Codes by status, in the order of the catalogue; those it does not know come last. */
export function groupByStatus(codes: Iterable<ProblemCode>): Map<string, ProblemCode[]> {
  const given = new Set(codes);
  const ordered = Object.keys(problemCodes).filter(isProblemCode).filter((code) => given.has(code));
  return Map.groupBy(ordered, (code) => String(problemCodes[code][0]));
}
