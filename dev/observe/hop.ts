import type { AttributeValue, Span } from "./api.ts";

/** A span that measures something of one part of the system with another. */
export interface Hop {
  /** Who asked; empty where the span does not know. */
  readonly source: string;
  readonly target: string;
  readonly hasFailed: boolean;
}

/** The name of a service's own database among the nodes of the map. */
export function nameDatabase(service: string): string {
  return `${service} database`;
}

/**
 * The hop a span measures, if any.
 *
 * Whoever serves measures a request as such, and only the gateway knows that its asker is a client;
 * whoever calls measures the way to its peer. A refusal (4xx) is an answer, and no failure.
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

/** An answer that is still fresh was given without asking Redis. */
function toRedisHop({ service, attributes }: Span, hasFailed: boolean): Hop | undefined {
  const answer = attributes["edgepass.revocation.answer"];
  if (answer === "fresh") return undefined;
  // That a token is revoked fails the step, and is what Redis is asked for.
  if (answer === "revoked") return { source: service, target: "redis", hasFailed: false };
  return { source: service, target: "redis", hasFailed: hasFailed || answer === "unavailable" };
}

function isFailure({ attributes, status }: Span): boolean {
  const code: AttributeValue | undefined = attributes["http.response.status_code"];
  return typeof code === "number" ? code >= 500 : status === "error";
}
