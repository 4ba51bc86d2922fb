/** Headers that only the gateway and our own services write; clients' values are removed. */
export const internalHeaders = {
  passport: "x-passport",
  txnToken: "txn-token",
  /**
   * On responses only: the verdict on the Passport that was not used for the decision (shadow
   * mode).
   */
  passportVerdict: "x-passport-verdict",
  traceparent: "traceparent",
  tracestate: "tracestate",
  /** Milliseconds that the caller will still wait; decreases at each hop. */
  deadline: "x-deadline-ms",
  /** Services passed so far, separated by commas; authorises nothing. */
  callChain: "x-call-chain",
  /**
   * On failures only: the responding service is healthy; a dependency of it has failed, or it sheds
   * load.
   */
  faultElsewhere: "x-edgepass-fault-elsewhere",
  /** The trace id, on responses only. */
  traceId: "x-trace-id",
} as const;

/** A longer chain means a loop. */
export const maxCallChain = 8;

const identity =
  /^(x-(passport|txn|deadline|call-chain|trace-id|user|internal|auth|edgepass|forwarded-(user|email|groups|preferred-username|access-token)|remote|authenticated|webauth|consumer|credential|ms-client-principal|goog-authenticated)(-|$)|txn-token$|remote-(user|email|name|groups)|cf-access-|.*-assertion$)/;

/** Whether a header, in lower case with `_` folded to `-`, is internal or claims an identity. */
export function isInternalHeader(name: string): boolean {
  return identity.test(name.toLowerCase().replaceAll("_", "-"));
}

/** The caller's time budget in milliseconds; undefined when it sends none. */
export function readDeadlineMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,7}$/.test(header) ? Number(header) : undefined;
}
