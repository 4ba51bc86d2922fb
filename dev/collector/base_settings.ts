import type { BaseSetting } from "./configuration_api.ts";

/** Settings without secrets that the central document may override. */
const variables = {
  "gateway.logLevel": "LOG_LEVEL",
  "gateway.passportTtlSeconds": "PASSPORT_TTL_SECONDS",
  "services.auth.accessTokenTtlSeconds": "ACCESS_TOKEN_TTL_SECONDS",
  "services.auth.refreshTokenTtlSeconds": "REFRESH_TOKEN_TTL_SECONDS",
} as const;

/** Variables that {@linkcode listBaseSettings} reads. */
export type BaseVariable = (typeof variables)[keyof typeof variables];

/** The settings that a document may override, with what every program was started with. */
export function listBaseSettings(
  settings: Readonly<Record<BaseVariable, string>>,
  services: readonly string[],
): BaseSetting[] {
  const names: readonly (readonly [path: string, name: BaseVariable])[] = [
    ...Object.entries(variables),
    ...services.map((service) => [`services.${service}.logLevel`, "LOG_LEVEL"] as const),
  ];
  return names.map(([path, name]) => ({ path, name, value: settings[name] }));
}
