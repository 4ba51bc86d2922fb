import type { Client } from "@upstash/qstash";
import * as z from "zod/mini";
import {
  type Bindings,
  ConfigError,
  integer,
  origin,
  readConfig,
  setting,
} from "../composition/settings.ts";

const httpUrl = z.string().check(
  z.refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    "must be an http(s) URL",
  ),
);

/** Settings for publishing and consuming events. Without the first two, events are only stored. */
export const qstashSettings = {
  QSTASH_URL: setting(z.optional(httpUrl), {
    meaning:
      "the QStash that events are published to, `https://qstash.upstash.io` or that of your region",
    without: "events wait",
  }),
  QSTASH_TOKEN: setting(z.optional(z.string()), {
    meaning: "its token",
    without: "events wait",
    secret: true,
  }),
  QSTASH_CURRENT_SIGNING_KEY: setting(z.optional(z.string()), {
    meaning: "the key that verifies deliveries",
    without: "deliveries are 401",
    secret: true,
  }),
  QSTASH_NEXT_SIGNING_KEY: setting(z.optional(z.string()), {
    meaning: "the next key, for when the keys are rolled",
    without: "the current one alone",
    secret: true,
  }),
};

const Settings = z.object({
  ...qstashSettings,
  PUBLIC_ORIGIN: z.optional(origin()),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
});

/** The parsed settings. */
export interface EventSettings {
  /** QStash for publishing; undefined if publishing is off. */
  readonly qstash: { readonly url: string; readonly token: string } | undefined;
  /** Keys that verify deliveries; without keys every delivery is refused. */
  readonly signingKeys: readonly string[];
  /** Origin at which QStash reaches this installation; undefined if QStash is not used. */
  readonly publicOrigin: string | undefined;
  /** Tolerated clock difference. */
  readonly leewaySeconds: number;
}

/**
 * Reads the settings of QStash.
 *
 * @throws {ConfigError} naming settings that are malformed, or that are set without the others
 */
export function readEventSettings(bindings: Bindings): EventSettings {
  const config = readConfig(Settings, bindings);
  const { QSTASH_URL: url, QSTASH_TOKEN: token, PUBLIC_ORIGIN: publicOrigin } = config;
  const signingKeys = [config.QSTASH_CURRENT_SIGNING_KEY, config.QSTASH_NEXT_SIGNING_KEY]
    .filter((key) => key !== undefined);
  if ((url === undefined) !== (token === undefined)) {
    const missing = url === undefined ? "QSTASH_URL" : "QSTASH_TOKEN";
    throw new ConfigError(`Cannot start: ${missing} is missing`);
  }
  if ((url !== undefined || signingKeys.length > 0) && publicOrigin === undefined) {
    throw new ConfigError("Cannot start: PUBLIC_ORIGIN is missing, and QStash needs it");
  }
  return {
    qstash: url === undefined || token === undefined ? undefined : { url, token },
    signingKeys,
    publicOrigin,
    leewaySeconds: config.LEEWAY_SECONDS,
  };
}

/** URL to which QStash delivers a service's events; failure callbacks go to `<url>/failed`. */
export function toDestination(publicOrigin: string, service: string): string {
  return `${publicOrigin}/events/${service}`;
}

/** Access to QStash. */
export interface QstashAccess {
  /** Origin of its REST API. */
  readonly url: string;
  /** Token of the account; it is sent only to `url`. */
  readonly token: string;
  /** Sends the requests; tests replace it. */
  readonly fetch?: Fetch | undefined;
  /** Timeout of a call; QStash may have processed it nevertheless. */
  readonly timeoutMs?: number | undefined;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The official client. */
export type QstashClient = Client;

/** A failed call to QStash, and how the caller has to react. */
export class PublishError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "PublishError";
  /**
   * `refused`: QStash will never accept this request. `unauthorized`: it accepts no request with
   * this token. `missing`: the resource does not exist. `away`: retry later.
   */
  readonly kind: "refused" | "unauthorized" | "missing" | "away";
  /** Delay before the next attempt, if QStash sent `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  /** Stores the original error as `cause`. */
  constructor(
    kind: PublishError["kind"],
    message: string,
    { retryAfterMs, cause }: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Maps an error response of QStash to a `PublishError`. */
export function toPublishError(response: Response, now: number): PublishError {
  const { status } = response;
  const message = `QStash returned ${status}`;
  if (status === 400 || status === 413) return new PublishError("refused", message);
  if (status === 401 || status === 403) return new PublishError("unauthorized", message);
  if (status === 404) return new PublishError("missing", message);
  return new PublishError("away", message, {
    retryAfterMs: readRetryAfter(response.headers.get("retry-after"), now),
  });
}

/** Milliseconds of a `Retry-After`, seconds or a date (RFC 9110 §10.2.3). */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Sends one request; the part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
