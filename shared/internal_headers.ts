/** Headers that only the gateway and our own services write; clients' values never get in. */
export const internalHeaders = {
  passport: "x-passport",
  txnToken: "txn-token",
  /** On answers only: what the service found of the Passport that did not decide. */
  passportVerdict: "x-passport-verdict",
  traceparent: "traceparent",
  tracestate: "tracestate",
  /** Milliseconds the caller will still wait; shrinks at each hop. */
  deadline: "x-deadline-ms",
  /** Services passed so far, separated by commas; authorises nothing. */
  callChain: "x-call-chain",
  /** On failures only: who answers is well; what it depends on has failed, or it has enough to do. */
  faultElsewhere: "x-edgepass-fault-elsewhere",
  /** The trace id, on answers only. */
  traceId: "x-trace-id",
} as const;

/** More hops than this mean a loop. */
export const maxCallChain = 8;

const identity =
  /^(x-(passport|txn|deadline|call-chain|trace-id|user|internal|auth|edgepass|forwarded-(user|email|groups|preferred-username|access-token)|remote|authenticated|webauth|consumer|credential|ms-client-principal|goog-authenticated)(-|$)|txn-token$|remote-(user|email|name|groups)|cf-access-|.*-assertion$)/;

/** Tells whether a header, in lower case with `_` folded to `-`, is ours or claims an identity. */
export function isInternalHeader(name: string): boolean {
  return identity.test(name.toLowerCase().replaceAll("_", "-"));
}

/** The budget a caller hands on, in milliseconds; undefined where it names none. */
export function readDeadlineMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,7}$/.test(header) ? Number(header) : undefined;
}
