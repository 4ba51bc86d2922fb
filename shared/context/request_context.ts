import { context as contextApi, trace as traceApi } from "@opentelemetry/api";
import type { Secret } from "../crypto/secrets.ts";
import { isolateStorage } from "../isolate.ts";
import { createLineLogger, type Logger, type LoggerOptions } from "../log.ts";
import type { Passport } from "../passport/mod.ts";
import { bestEffort, type StartedSpan, type TraceContext } from "../telemetry/trace_context.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

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

/** The state of one request in one service; it never outlives the request. */
export interface RequestContext {
  /** The service that serves the request. */
  readonly service: string;
  /** The trace of the request, and this service's span in it. */
  readonly trace: TraceContext;
  /** The verified claims; absent on routes that require no Passport, such as health. */
  readonly passport?: Passport;
  /** The Passport's bytes as received, for calls to other services. Never logged. */
  readonly passportToken?: Secret;
  /** The bytes of the `Txn-Token` received with it, for calls to other services. Never logged. */
  readonly txnToken?: Secret;
  /** When the caller stops waiting, epoch milliseconds. */
  readonly deadline?: number;
  /** The services passed so far, for logs and loop detection. */
  readonly callChain: readonly string[];
  /** Aborts when the caller disconnects. */
  readonly signal: AbortSignal;
  /** The span that serves the request here, the parent of its calls. */
  readonly activeSpan?: StartedSpan;
  /** Where the request's spans and measurements go. */
  readonly telemetry?: Telemetry;
}

// Module state is safe here: the storage binds its value to the running request.
const storage = isolateStorage<RequestContext>("request-context");

/** Runs `serve` with the context of one request; its span is the active one of the OpenTelemetry API. */
export function runInContext<Result>(context: RequestContext, serve: () => Result): Result {
  const span = context.activeSpan?.span;
  if (!span || !bestEffort(() => span.isRecording())) return storage.run(context, serve);
  const active = traceApi.setSpan(contextApi.active(), span);
  return contextApi.with(active, () => storage.run(context, serve));
}

/** The context of the current request, or undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/**
 * A logger that writes one JSON object a line: `time`, `level`, `service`, `traceId` and `spanId`
 * of the current request, `message`, then the fields, none of which can override these.
 *
 * Values that must not be logged do not compile ({@link LogFields}), and what looks like a secret
 * or an address is masked (`shared/log.ts`). No field can make it throw.
 */
export function createLogger(options: LoggerOptions): Logger {
  return createLineLogger(options, () => currentContext()?.trace);
}

/** The network of callers without a known address; they share one. */
export const unknownNetwork = "unknown";

/**
 * The network of an address, in canonical form: an IPv4 address itself, the /64 of IPv6.
 *
 * A /64 is what one household or server gets. IPv4 inside of IPv6 (`::ffff:192.0.2.1`) is the IPv4
 * address. Anything but exactly one address is `unknown`.
 */
export function toNetwork(address: string | undefined): string {
  if (address === undefined) return unknownNetwork;
  const text = address.trim();
  if (!text.includes(":")) return readIpv4(text)?.join(".") ?? unknownNetwork;
  const groups = readIpv6(text);
  if (!groups) return unknownNetwork;
  const [g0, g1, g2, g3, g4, g5, g6 = 0, g7 = 0] = groups;
  const isMapped = [g0, g1, g2, g3, g4].every((group) => group === 0) && g5 === 0xffff;
  if (isMapped) return [g6 >> 8, g6 & 0xff, g7 >> 8, g7 & 0xff].join(".");
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(":")}::/64`;
}

/** Dotted decimal without leading zeros, which some parsers read as octal. */
function readIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2); a zone id is not part of it. */
function readIpv6(text: string): number[] | undefined {
  const [address = ""] = text.split("%");
  const halves = address.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(readGroups);
  if (!head) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (!tail || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function readGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const ipv4 = readIpv4(parts.at(-1) ?? "");
  const hex = ipv4 ? parts.slice(0, -1) : parts;
  if (!hex.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  const groups = hex.map((part) => parseInt(part, 16));
  if (!ipv4) return groups;
  const [a = 0, b = 0, c = 0, d = 0] = ipv4;
  return [...groups, a << 8 | b, c << 8 | d];
}
