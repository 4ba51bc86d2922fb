import { gatewaySettings } from "@edgepass/gateway";
import { type DeclaredSetting, listSettings } from "@edgepass/shared/configuration";
import { qstashSettings } from "@edgepass/shared/events";
import { serviceRuntimeSettings } from "@edgepass/shared/http";
import { upstashSettings } from "@edgepass/shared/redis";
import { processSettings } from "@edgepass/shared/runtime/deno";
import { telemetrySettings } from "@edgepass/shared/telemetry";

/** What would belong to the gateway or another program of the platform. */
export const reserved: readonly string[] = [
  "admin",
  "app",
  "bench",
  "contracts",
  "control",
  "dev",
  "docs",
  "events",
  "gateway",
  "internal",
  "livez",
  "local",
  "login",
  "logout",
  "metrics",
  "openapi",
  "ops",
  "readyz",
  "recommender",
  "redis",
  "shared",
  "ssf",
  "tests",
];

/** First segments of paths that only the gateway, or the identity provider, may answer. */
const reservedSegments: ReadonlySet<string> = new Set([
  ...reserved,
  ".well-known",
  "auth",
  "backchannel-logout",
  "openapi.json",
]);

/** What the identity provider has of them, and the control plane that it mounts. */
const ofAuth = /^\/(?:auth|\.well-known|admin\/configuration)(?:\/|$)/;

/** Whether a service's path would take one of the platform's. */
export function isReservedPath(path: string, folder: string): boolean {
  const isOfAuth = folder === "auth" && ofAuth.test(path);
  const [, segment = ""] = path.split("/");
  // A parameter there would be every path.
  return (reservedSegments.has(segment) || segment.startsWith("{")) && !isOfAuth;
}

const words = (text: string) => text.trim().split(/\s+/);

/** A generated source imports a service by its name. */
const ofCode = new Set(words(`
  arguments as async await break case catch class const continue debugger default delete do else
  enum eval export extends false finally for from function if implements import in instanceof
  interface let new null package private protected public return services static super switch this
  throw true try type typeof undefined var void while with yield`));

/** A table has the name of its service, which no statement quotes. */
const ofSql = new Set(words(`
  abort action add after all alter always analyze and as asc attach autoincrement before begin
  between by cascade case cast check collate column commit conflict constraint create cross current
  database default deferrable deferred delete desc detach distinct do drop each else end escape
  except exclude exclusive exists explain fail filter first following for foreign from full generated
  glob group groups having if ignore immediate in index indexed initially inner insert instead
  intersect into is isnull join key last left like limit match materialized natural no not nothing
  notnull null nulls of offset on or order others outer over partition plan pragma preceding primary
  query raise range recursive references regexp reindex release rename replace restrict returning
  right rollback row rows savepoint select set table temp temporary then ties to transaction trigger
  unbounded union unique update using vacuum values view virtual when where window with without`));

/** Tables that the platform has in a service's database. */
const ofPlatform = new Set(["inbox", "outbox"]);

const platformSettings: readonly DeclaredSetting[] = [
  gatewaySettings,
  serviceRuntimeSettings,
  qstashSettings,
  upstashSettings,
  processSettings,
].flatMap((shape) => listSettings(shape));

const settingNames = new Set([
  ...platformSettings.map(({ name }) => name),
  ...Object.keys(telemetrySettings),
]);

/**
 * Why no service can have a name, or undefined for one that it can have.
 *
 * @param settings names of settings besides the platform's
 */
export function explainName(name: string, settings: readonly string[] = []): string | undefined {
  if (!/^[a-z]{2,24}$/.test(name)) {
    return "a name is one word of 2 to 24 lower-case letters, since paths, settings, tables and imports have it";
  }
  const place = name.toUpperCase();
  if (reserved.includes(name)) return "the name is reserved for the platform";
  if (settingNames.has(place) || settings.includes(place)) return `${place} is a setting already`;
  if (ofCode.has(name)) return "the name is a word of TypeScript or of generated code";
  if (ofSql.has(name)) return "the name is a word of SQL";
  if (ofPlatform.has(name)) return "the platform has a table of this name";
  return undefined;
}
