/** What a revocation invalidates: one token, one login, a person's older tokens, a key's tokens. */
export type RevocationLevel = keyof typeof levels;

const levels = { token: "rv:j:", login: "rv:s:", subject: "rv:u:", key: "rv:k:" } as const;

/**
 * Redis keys of the revocation list, built from claims, never from a token's text.
 *
 * Ids of other issuers have the issuer's alias as a prefix.
 */
export const revocationKeys = {
  /** Identity and position of the log of which the list is a complete copy; lost with the list. */
  ready: "rv:ready",
  /** Progress of one rebuild of the list; expires a minute after its last step. */
  rebuild: (id: string): string => `rv:rebuild:${id}`,
  of(level: RevocationLevel, id: string, alias?: string): string {
    return `${levels[level]}${alias === undefined ? "" : `${alias}:`}${id}`;
  },
} as const;

/** Redis keys of the central configuration; both are written together. */
export const configurationKeys = {
  /** Number of the current version. */
  version: "cfg",
  /** The document with its version, as JSON. */
  document: "cfg:doc",
} as const;

/** Redis key of the last event that a service has published. */
export function sequenceMarkKey(service: string): string {
  return `ev:${service}`;
}

/** The position of a copy of the durable revocation log, and the identity of that log. */
export interface RevocationPosition {
  /** Identity of the log; a log that is restored from a backup gets another one. */
  readonly identity: string;
  /** The copy has every entry up to this one. */
  readonly position: number;
}

/** Header of the response to a rebuild of the list: the position that Redis has after it. */
export const revocationPositionHeader = "Revocation-Position";

/** The form in Redis and in the header. */
export function formatRevocationPosition({ identity, position }: RevocationPosition): string {
  return `${identity}:${position}`;
}

/** Undefined for a value without a position, such as the `1` of version 0.1.0. */
export function readRevocationPosition(value: unknown): RevocationPosition | undefined {
  const [, identity, position] = typeof value === "string"
    ? /^([A-Za-z0-9_-]{1,64}):(\d{1,15})$/.exec(value) ?? []
    : [];
  return identity === undefined || position === undefined
    ? undefined
    : { identity, position: Number(position) };
}

/** Whether a copy has at least the entries of another copy, or of the log. */
export function reachesPosition(
  reached: RevocationPosition | undefined,
  { identity, position }: RevocationPosition,
): reached is RevocationPosition {
  return reached?.identity === identity && reached.position >= position;
}
