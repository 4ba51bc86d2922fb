import { isInternalHeader } from "@edgepass/shared/context";
import { problemMediaType } from "@edgepass/shared/problem";
import type { CookieNames } from "@edgepass/shared/tokens";
import { memoizeHeaderRule, namedInConnection, wantsProblem } from "../request/headers.ts";
import type { CheckedRoute } from "../routes.ts";
import {
  type Head,
  isJson,
  join,
  malformedResponse,
  mediaTypeOf,
  readBeginning,
  readHead,
  readJsonText,
  resume,
  withoutByteOrderMark,
} from "./body.ts";
import { type Failure, failureResponse, readFailure } from "./failure.ts";
import { createJsonCheck } from "./json_check.ts";

/** Hop-by-hop (RFC 9110 §7.6.1), or set by the gateway itself. */
const dropped = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "alt-svc",
  "clear-site-data",
  "server",
  "strict-transport-security",
  "x-powered-by",
  "set-cookie",
]);

/** The headers of the client's response. */
export type ToClientHeaders = (upstream: Headers, route: CheckedRoute) => Headers;

/**
 * Makes the headers of the client's response from the upstream's. Only the identity provider may
 * set our token cookies.
 */
export function createClientHeaders(names: CookieNames): ToClientHeaders {
  const dropsName = memoizeHeaderRule(isDropped);
  return function toClientHeaders(upstream, { identityProvider }) {
    const named = namedInConnection(upstream);
    const headers = new Headers(
      [...upstream].filter(([name]) => !dropsName(name) && !named.has(name)),
    );
    for (const cookie of upstream.getSetCookie()) {
      if (identityProvider || !isCredential(cookie, names)) headers.append("set-cookie", cookie);
    }
    return headers;
  };
}

function isDropped(name: string): boolean {
  return dropped.has(name) || name.startsWith("access-control-") || isInternalHeader(name);
}

/**
 * Whether a cookie has one of our names in any form that a browser could accept, with or without
 * prefix. A browser sends a nameless cookie as its bare value, which may be `access_token=…`
 * (RFC 6265bis §8.8.2): a service could plant a token that way.
 */
function isCredential(cookie: string, { access, refresh }: CookieNames): boolean {
  const [name = ""] = cookie.replace(/^[\s=]+/, "").split(/[=;]/);
  const bare = (text: string) => text.trim().toLowerCase().replace(/^__(host|secure)-/, "");
  return [bare(access), bare(refresh)].includes(bare(name));
}

/**
 * Prevents caches from serving one person's response to another (RFC 9111 §4.1, §5.2.2.5).
 *
 * A response to an authenticated caller, and an error, is not stored unless the service allows it.
 */
export function setCaching(
  headers: Headers,
  { readsCredentials, isPrivate }: { readsCredentials: boolean; isPrivate: boolean },
): void {
  if (readsCredentials) headers.append("vary", "Cookie, Authorization");
  if (isPrivate && !headers.has("cache-control")) headers.set("cache-control", "no-store");
}

/** Sets the headers that every response has; `secure`: whether the public origin is https. */
export function setCommonHeaders(
  headers: Headers,
  { traceId, secure }: { readonly traceId: string; readonly secure: boolean },
): void {
  headers.set("x-trace-id", traceId);
  headers.set("x-content-type-options", "nosniff");
  if (secure) headers.set("strict-transport-security", "max-age=31536000");
}

/** Statuses that have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
const bodiless = new Set([204, 205, 304]);
/** These describe the bytes of the upstream's body, which the client does not get. */
const byteHeaders = [
  "content-length",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];
/** A service's codes for a Passport that it refused. */
const passportRefusals: ReadonlySet<string> = new Set(["passport_required", "passport_invalid"]);
const encoder = new TextEncoder();

/** What the gateway adds to a service's response. */
export interface WrapOptions {
  /** The headers of the client's response, already filtered. */
  readonly headers: Headers;
  readonly traceId: string;
  /** Whether JSON gets the ApiResponse form. */
  readonly envelope: boolean;
}

/**
 * Turns a service's response into the client's: JSON in the ApiResponse form, the rest byte for
 * byte.
 *
 * The body is inserted as it is, never parsed and serialized again. A body that does not fit the
 * form passes without it: the service has already done its work, so a failure here would be wrong.
 *
 * @throws {Problem} `upstream_bad_response` for a truncated body, and for a service that refused
 * the gateway's own Passport: that is our fault, and a 401 would log the user out
 */
export function wrapResponse(
  request: Request,
  response: Response,
  options: WrapOptions,
): Promise<Response> {
  const { status } = response;
  const { headers, envelope } = options;
  const asProblem = wantsProblem(request);
  const isWrapped = envelope && isJson(headers) && status !== 206 &&
    (isPlain(headers) || hidesText(status, headers));
  if (request.method === "HEAD" || bodiless.has(status)) {
    // A HEAD response has the headers of the GET response (RFC 9110 §9.3.2).
    if (isWrapped) describeEnvelope(headers, wrappedType(status, asProblem));
    else if (envelope && status === 304) dropByteHeaders(headers);
    return withoutBody(response, headers);
  }
  if (isWrapped && status < 400) return wrapSuccess(response, options);
  if (isWrapped) return wrapFailure(response, { ...options, asProblem });
  if (status === 401 && mediaTypeOf(headers) === problemMediaType) {
    return passRefusal(response, headers);
  }
  return Promise.resolve(new Response(response.body, { status, headers }));
}

async function withoutBody(response: Response, headers: Headers): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers });
}

function wrappedType(status: number, asProblem: boolean): string {
  return status >= 400 && asProblem ? problemMediaType : "application/json";
}

/**
 * The gateway requests `identity`, and `fetch` decodes what it can; no other coding can be read.
 */
function isPlain(headers: Headers): boolean {
  return (headers.get("content-encoding") ?? "identity").toLowerCase() === "identity";
}

/** The text of a server error may leak a stack trace or a query, unless it is problem details. */
function hidesText(status: number, headers: Headers): boolean {
  return status >= 500 && mediaTypeOf(headers) !== problemMediaType;
}

async function wrapSuccess(response: Response, options: WrapOptions): Promise<Response> {
  const { status } = response;
  const { headers, traceId } = options;
  const read = await readHead(response);
  if (read.rest) return streamSuccess(status, { head: read.head, rest: read.rest }, options);
  const json = readJsonText(read.head);
  if (!json) return new Response(read.head, { status, headers });
  describeEnvelope(headers);
  return new Response(`${before}${json.text}${after(traceId)}`, { status, headers });
}

interface FailureOptions extends WrapOptions {
  /** Whether the client accepts problem details. */
  readonly asProblem: boolean;
}

async function wrapFailure(response: Response, options: FailureOptions): Promise<Response> {
  const { status } = response;
  const { headers, traceId, asProblem } = options;
  const { head, rest } = isPlain(headers) ? await readHead(response) : { head: new Uint8Array() };
  // The rest is not used: cancelling frees the connection, and the client does not wait for it.
  (rest ?? response.body)?.cancel().catch(() => {});
  const value = rest ? readBeginning(head) : readJsonText(head)?.value;
  if (value === undefined && !hidesText(status, headers)) {
    return new Response(head, { status, headers });
  }
  const failure = readFailure(status, mediaTypeOf(headers), value);
  rejectPassportRefusal(failure);
  describeEnvelope(headers);
  return failureResponse(failure, headers, { traceId, asProblem });
}

/** Passes a 401 on as it is, unless the service refused our Passport. */
async function passRefusal(response: Response, headers: Headers): Promise<Response> {
  const { status } = response;
  const read = await readHead(response);
  const value = read.rest ? readBeginning(read.head) : readJsonText(read.head)?.value;
  rejectPassportRefusal(readFailure(status, problemMediaType, value));
  return resume({ status, headers }, read);
}

function rejectPassportRefusal({ status, code }: Pick<Failure, "status" | "code">): void {
  if (status === 401 && passportRefusals.has(code)) {
    throw malformedResponse(`Service responded ${code}`);
  }
}

const before = `{"success":true,"data":`;
const after = (traceId: string): string => `,"traceId":"${traceId}"}`;

/**
 * The envelope has a trace id, so its bytes differ each time: only weak entity tags are correct.
 */
function describeEnvelope(headers: Headers, mediaType = "application/json"): void {
  dropByteHeaders(headers);
  headers.delete("content-encoding");
  headers.set("content-type", mediaType);
}

function dropByteHeaders(headers: Headers): void {
  for (const name of byteHeaders) headers.delete(name);
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

function streamSuccess(
  status: number,
  { head, rest }: Required<Head>,
  { headers, traceId }: WrapOptions,
): Response {
  const check = createJsonCheck();
  const start = withoutByteOrderMark(head);
  if (!isDeclaredUtf8(headers) || !check.take(start)) {
    return resume({ status, headers }, { head, rest });
  }
  describeEnvelope(headers);
  const last = [encoder.encode(after(traceId))];
  const body = join([encoder.encode(before), start], rest, { last, check });
  return new Response(body, { status, headers });
}

/**
 * Whether a body that still streams can be assumed to be UTF-8: once its first part is sent inside
 * the envelope, the envelope cannot be taken back.
 */
function isDeclaredUtf8(headers: Headers): boolean {
  const [, charset = "utf-8"] =
    /;\s*charset="?([^\s";]+)/i.exec(headers.get("content-type") ?? "") ??
      [];
  return ["utf-8", "utf8", "us-ascii"].includes(charset.toLowerCase());
}
