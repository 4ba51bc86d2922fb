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
