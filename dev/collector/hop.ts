import type { AttributeValue, Span } from "./api.ts";

/** A span that measures a call from one part of the system to another. */
export interface Hop {
  /** The caller; empty where the span does not name it. */
  readonly source: string;
  readonly target: string;
  readonly hasFailed: boolean;
}

/** The name of a service's own database among the nodes of the map. */
export function nameDatabase(service: string): string {
  return `${service} database`;
}

/**
 * The hop that a span measures, if any.
 *
 * A server span measures a request as such, and only the gateway's names the caller, a client; a
 * client span measures the call to its peer. A refusal (4xx) is a response, and no failure.
 */
export function toHop(span: Span): Hop | undefined {
  const { service, kind, attributes } = span;
  const hasFailed = isFailure(span);
  if (kind === "server") {
    return { source: service === "gateway" ? "client" : "", target: service, hasFailed };
  }
  const system = attributes["db.system.name"];
  if (system === "redis" || attributes["edgepass.step"] === "revocation") {
    return toRedisHop(span, hasFailed);
  }
  if (typeof system === "string") {
    return { source: service, target: nameDatabase(service), hasFailed };
  }
  const peer = attributes["edgepass.peer"];
  if (kind !== "client" || typeof peer !== "string") return undefined;
  return { source: service, target: peer, hasFailed };
}

/** A fresh verdict was reused without a call to Redis. */
function toRedisHop({ service, attributes }: Span, hasFailed: boolean): Hop | undefined {
  const outcome = attributes["edgepass.revocation.answer"];
  if (outcome === "fresh") return undefined;
  // A revoked token fails the step, but the call to Redis has succeeded.
  if (outcome === "revoked") return { source: service, target: "redis", hasFailed: false };
  return { source: service, target: "redis", hasFailed: hasFailed || outcome === "unavailable" };
}

function isFailure({ attributes, status }: Span): boolean {
  const code: AttributeValue | undefined = attributes["http.response.status_code"];
  return typeof code === "number" ? code >= 500 : status === "error";
}
