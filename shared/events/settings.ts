import * as z from "zod/mini";
import { type Bindings, ConfigError, integer, origin, readConfig } from "../config.ts";

const httpUrl = z.string().check(
  z.refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    "must be an http(s) URL",
  ),
);

/** The settings by which a service publishes and hears events; without the first two it only stores them. */
export const qstashSettings = {
  QSTASH_URL: z.optional(httpUrl),
  QSTASH_TOKEN: z.optional(z.string()),
  QSTASH_CURRENT_SIGNING_KEY: z.optional(z.string()),
  QSTASH_NEXT_SIGNING_KEY: z.optional(z.string()),
};

const Settings = z.object({
  ...qstashSettings,
  PUBLIC_ORIGIN: z.optional(origin()),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
});

/** What the settings come to. */
export interface EventSettings {
  /** Where to publish; undefined where publishing is off. */
  readonly qstash: { readonly url: string; readonly token: string } | undefined;
  /** Keys that sign deliveries; none refuses every delivery. */
  readonly signingKeys: readonly string[];
  /** Where QStash finds this installation; undefined where it never has to. */
  readonly publicOrigin: string | undefined;
  /** How far clocks may differ. */
  readonly leewaySeconds: number;
}

/**
 * Reads the settings of QStash.
 *
 * @throws {ConfigError} naming the settings that are malformed, or that are set without their others
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

/** Where QStash delivers what a service hears, and what it answers failures to. */
export function toDestination(publicOrigin: string, service: string): string {
  return `${publicOrigin}/events/${service}`;
}
