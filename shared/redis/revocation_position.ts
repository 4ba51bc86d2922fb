/** How far a copy of the durable revocation log has come, and of which log it is a copy. */
export interface RevocationPosition {
  /** Names the log; one that was restored from a backup gets another. */
  readonly identity: string;
  /** Every entry up to this one is there. */
  readonly position: number;
}

/** Header of the response to a rebuild of the list: the position that Redis has after it. */
export const revocationPositionHeader = "Revocation-Position";

/** As Redis and the header have it. */
export function formatRevocationPosition({ identity, position }: RevocationPosition): string {
  return `${identity}:${position}`;
}

/** Undefined for what names no position, such as the `1` of version 0.1.0. */
export function readRevocationPosition(value: unknown): RevocationPosition | undefined {
  const [, identity, position] = typeof value === "string"
    ? /^([A-Za-z0-9_-]{1,64}):(\d{1,15})$/.exec(value) ?? []
    : [];
  return identity === undefined || position === undefined
    ? undefined
    : { identity, position: Number(position) };
}

/** Whether a copy has at least what another one, or the log, has. */
export function reachesPosition(
  reached: RevocationPosition | undefined,
  { identity, position }: RevocationPosition,
): reached is RevocationPosition {
  return reached?.identity === identity && reached.position >= position;
}
