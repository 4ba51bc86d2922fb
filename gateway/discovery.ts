import {
  type AsymmetricAlgorithmName,
  type DroppedKey,
  importIssuerKeys,
  type IssuerKeys,
  JwkSet,
  parseJson,
} from "@edgepass/shared/crypto";
import * as z from "zod/mini";
import { isInternal } from "./issuer_hosts.ts";
import type { IssuerRow } from "./issuer_settings.ts";

/** Where an issuer's keys are. */
export interface KeySetLocation {
  /** `iss` of its tokens, or a template with one `{claim}`. */
  readonly iss: string;
  /** URL of the key set, or the keys themselves. */
  readonly jwks?: string | JwkSet | undefined;
  /** URL of the OpenID configuration; without both it is below `iss`. */
  readonly discovery?: string | undefined;
}

/** Requests a key set; it may throw, and the response may have any status. */
export type FetchKeySet = (signal: AbortSignal) => Promise<Response>;

/** An issuer's keys, and the algorithms that they may have. */
export interface KeySetSource {
  /** The public keys themselves, or how to fetch them. */
  readonly jwks: JwkSet | FetchKeySet;
  /** The algorithms that its row allows. */
  readonly algorithms: readonly AsymmetricAlgorithmName[];
}

/** Milliseconds that reading a key set may take, its OpenID configuration included. */
export const loadMs = 10_000;

export interface DiscoveryEffects {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const limits = {
  redirects: 3,
  /** Of a document, once its content coding is removed: 100 keys of RSA 4096 are 90 KB. */
  bytes: 262_144,
  /** How long the key set's URL is taken from memory, so that a reload is one request. */
  locationMs: 300_000,
} as const;

const Configuration = z.object({ issuer: z.string(), jwks_uri: z.string() });

/**
 * Makes the request for an issuer's key set, after its OpenID configuration where the set has no
 * URL of its own (OpenID Connect Discovery 1.0 §4); keys that are given need none.
 *
 * @throws {RangeError} when the issuer has no URL for the configuration
 */
export function locateKeySet(
  { iss, jwks, discovery }: KeySetLocation,
  { fetch: send, now }: DiscoveryEffects = {
    fetch: (url, init) => fetch(url, init),
    now: Date.now,
  },
): KeySetSource["jwks"] {
  if (typeof jwks === "object") return jwks;
  const get = (what: string, url: string, signal: AbortSignal) =>
    getDocument(url, { what, signal, send });
  if (jwks !== undefined) return (signal) => get("key set", jwks, signal);
  const document = discovery ?? toConfigurationUrl(iss);
  let known: { readonly url: string; readonly readAt: number } | undefined;
  return async function fetchKeySet(signal) {
    if (known === undefined || Math.abs(now() - known.readAt) > limits.locationMs) {
      const what = "OpenID configuration";
      const content = await readDocument(await get(what, document, signal), what);
      known = { url: readKeySetUrl(content, { iss, document }), readAt: now() };
    }
    try {
      return await requireOk(await get("key set", known.url, signal), "key set");
    } catch (error) {
      // The set may have moved: without this an outage would last as long as its old URL is kept.
      known = undefined;
      throw error;
    }
  };
}

/** §4.1: a slash at the end of the issuer is removed first. */
function toConfigurationUrl(iss: string): string {
  if (!URL.canParse(iss) || iss.includes("{")) {
    throw new RangeError("an issuer that is no URL must have jwks or discovery");
  }
  return `${iss.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/**
 * The URL of the key set, out of a document that names the configured issuer exactly: a document of
 * another issuer would make that one's keys valid here (§4.3).
 */
function readKeySetUrl(
  content: unknown,
  { iss, document }: { readonly iss: string; readonly document: string },
): string {
  const { data } = z.safeParse(Configuration, content);
  if (!data) throw new Error("OpenID configuration: it has no issuer and jwks_uri");
  if (withoutNames(data.issuer) !== withoutNames(iss)) {
    const [stated, expected] = [data.issuer.slice(0, 200), iss].map((text) => JSON.stringify(text));
    throw new Error(`OpenID configuration: its issuer is ${stated}, not ${expected}`);
  }
  const url = URL.parse(data.jwks_uri);
  // Who can change plain HTTP on its way chooses the keys, and signs tokens of every subject.
  const isAllowed = url?.protocol === "https:" ||
    (url?.protocol === "http:" && iss.startsWith("http:"));
  if (!url || !isAllowed || hasCredentials(url)) {
    throw new Error("OpenID configuration: its jwks_uri is not an https URL without credentials");
  }
  // A document must not choose what the gateway requests in its own network, such as the address
  // of a cloud's credentials; an issuer in that network has its keys there.
  if (isInternal(url) && ![iss, document].some((own) => isInternalUrl(own))) {
    throw new Error("OpenID configuration: its jwks_uri is an internal address");
  }
  return url.href;
}

function isInternalUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && isInternal(url);
}

/** An issuer for many tenants writes any name into its document, as `{tenantid}` for `tid`. */
function withoutNames(iss: string): string {
  return iss.replaceAll(/\{[^{}]*\}/g, "{}");
}

function hasCredentials({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}

interface Get {
  readonly what: string;
  readonly signal: AbortSignal;
  readonly send: DiscoveryEffects["fetch"];
}

/**
 * Requests a document, and follows redirects within its origin: another host's answer would decide
 * whose tokens are valid. It sends no credential.
 */
async function getDocument(url: string, { what, signal, send }: Get): Promise<Response> {
  const headers = { accept: "application/json, application/jwk-set+json" };
  let target = url;
  for (let redirects = 0;; redirects++) {
    const response = await send(target, { headers, signal, redirect: "manual" }).catch((cause) => {
      const fault = signal.aborted ? "no response in time" : "no connection";
      throw new Error(`${what}: ${fault}`, { cause });
    });
    if (![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    if (redirects === limits.redirects) {
      throw new Error(`${what}: more than ${limits.redirects} redirects`);
    }
    const next = URL.parse(response.headers.get("location") ?? "", target);
    if (next?.origin !== new URL(url).origin || hasCredentials(next)) {
      throw new Error(`${what}: redirect to another origin`);
    }
    target = next.href;
  }
}

/**
 * The value of a document in JSON, whatever media type it is sent as.
 *
 * @throws {Error} whose message an operator may read, for a status other than 200, a document that
 * is too large, and one that is no JSON
 */
export async function readDocument(response: Response, what: string): Promise<unknown> {
  const { body } = await requireOk(response, what);
  const value = parseJson(await readText(body, what));
  if (value === undefined) throw new Error(`${what}: it is not JSON`);
  return value;
}

async function requireOk(response: Response, what: string): Promise<Response> {
  if (response.status === 200) return response;
  await response.body?.cancel();
  throw new Error(`${what}: status ${response.status}`);
}

/** The decoder removes a byte order mark, which some servers put in front of JSON. */
async function readText(body: Response["body"], what: string): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  try {
    for await (const part of body ?? []) {
      bytes += part.length;
      if (bytes > limits.bytes) break;
      text += decoder.decode(part, { stream: true });
    }
  } catch (cause) {
    throw new Error(`${what}: it broke off`, { cause });
  }
  if (bytes > limits.bytes) throw new Error(`${what}: it has more than ${limits.bytes} bytes`);
  return text + decoder.decode();
}

const maxDescribed = 10;

/** One clause for each key: its position, its `kid` and why it is not used. */
export function describeDropped(dropped: readonly DroppedKey[]): string {
  const some = dropped.slice(0, maxDescribed).map(({ at, kid, reason }) =>
    `key ${at}${kid === undefined ? "" : ` (${JSON.stringify(kid)})`} ${reason}`
  );
  const more = dropped.length - some.length;
  return [...some, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}

/**
 * Reads an issuer's set once; it may have no usable key.
 *
 * @throws {Error} whose message an operator may read
 */
export async function readIssuerKeys(
  { jwks, algorithms }: KeySetSource,
): Promise<{ keys: IssuerKeys; freshMs: number }> {
  const { set, freshMs } = typeof jwks === "function" ? await fetchSet(jwks) : fixed(jwks);
  return { keys: await importIssuerKeys(set, algorithms), freshMs };
}

/** @throws {Error} with the reasons, for a set without a usable key */
export function requireUsableKey({ entries, dropped }: IssuerKeys): void {
  if (entries.length > 0) return;
  const reasons = describeDropped(dropped);
  throw new Error(`key set: no usable key${reasons === "" ? "" : `: ${reasons}`}`);
}

function fixed(set: JwkSet) {
  return { set, freshMs: Number.POSITIVE_INFINITY };
}

async function fetchSet(fetchKeySet: FetchKeySet): Promise<{ set: JwkSet; freshMs: number }> {
  const response = await fetchKeySet(AbortSignal.timeout(loadMs));
  const { data } = z.safeParse(JwkSet, await readDocument(response, "key set"));
  if (!data) throw new Error("key set: it has no list of keys");
  return { set: data, freshMs: freshMs(response.headers.get("cache-control")) };
}

const fresh = { minMs: 1_000, defaultMs: 300_000, maxMs: 3_600_000 } as const;

function freshMs(cacheControl: string | null): number {
  const [, seconds] = /\bmax-age=(\d{1,9})\b/.exec(cacheControl ?? "") ?? [];
  if (seconds === undefined) return fresh.defaultMs;
  return Math.min(Math.max(Number(seconds) * 1000, fresh.minMs), fresh.maxMs);
}

/** What an issuer's key set has, or why it cannot be used; for operators. */
export type IssuerKeysReport =
  & { readonly alias: string }
  & (
    | {
      /** Algorithms of the row with a usable key. */
      readonly usable: readonly string[];
      /** Algorithms of the row without one. */
      readonly missing: readonly string[];
      /** Keys of the set that are not used and why; empty without any. */
      readonly dropped: string;
    }
    | { readonly fault: string }
  );

/** Asks every issuer of `ISSUERS` for its keys. */
export async function reportIssuerKeys(
  rows: readonly IssuerRow[],
): Promise<IssuerKeysReport[]> {
  return await Promise.all(rows.map(async ({ alias, algorithms, ...location }) => {
    try {
      const { keys } = await readIssuerKeys({ algorithms, jwks: locateKeySet(location) });
      requireUsableKey(keys);
      const found = new Set(keys.entries.map(({ alg }) => alg));
      return {
        alias,
        usable: [...found],
        missing: [...new Set(algorithms)].filter((alg) => !found.has(alg)),
        dropped: describeDropped(keys.dropped),
      };
    } catch (error) {
      return { alias, fault: error instanceof Error ? error.message : "its keys cannot be read" };
    }
  }));
}
