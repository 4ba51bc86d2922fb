import { gatewaySettings } from "@edgepass/gateway";
import { type DeclaredSetting, listSettings } from "@edgepass/shared/configuration";
import { serviceRuntimeSettings } from "@edgepass/shared/http";
import { type Described, hasEvents } from "./describe.ts";
import { generatedHead } from "./head.ts";

/** Settings of the gateway, and those that a service has as well. */
const gatewayNames = listSettings(gatewaySettings).map(({ name }) => name);
const runtimeNames = listSettings(serviceRuntimeSettings).map(({ name }) => name);

/** What dev needs to know of each service; it starts them as processes and imports none. */
export function writeDev(services: readonly Described[]): string {
  const entries = services.map((one) => {
    const { service } = one;
    const settings = service.settings.map(({ name }) => name);
    return [service.name, {
      place: service.place,
      calls: one.calls,
      hasEvents: hasEvents(one),
      settings,
    }];
  });
  const names = new Set(services.flatMap(({ service: { place } }) => [place]));
  for (const { service: { database } } of services) {
    if (database !== undefined) names.add(database).add(`${database}_TOKEN`);
  }
  for (const { service } of services) {
    for (const { name } of service.settings) names.add(name);
  }
  for (const name of gatewayNames) names.delete(name);
  const all = [
    ...listSettings(serviceRuntimeSettings),
    ...listSettings(gatewaySettings),
    ...services.flatMap(({ service }) => service.settings),
  ];
  return [
    generatedHead,
    "/** Settings of the gateway. */",
    `export const gatewaySettingNames = ${JSON.stringify(gatewayNames)} as const;`,
    "",
    "/** Settings of every service. */",
    `export const runtimeSettingNames = ${JSON.stringify(runtimeNames)} as const;`,
    "",
    "/** Settings of single services, and where each and its database are. */",
    `export const serviceSettingNames = ${JSON.stringify([...names])} as const;`,
    "",
    "/** The setting of each service's database, of those that have one. */",
    `export const databases = ${
      JSON.stringify(Object.fromEntries(
        services.flatMap(({ service: { name, database } }) =>
          database === undefined ? [] : [[name, database]]
        ),
      ))
    } as const;`,
    "",
    "/** Settings whose values are made once and kept, with what each is. */",
    `export const madeSettings = ${JSON.stringify(toRecord(all, ({ make }) => make))} as const;`,
    "",
    "/** The other settings that have a value where none is given, as text. */",
    `export const settingDefaults = ${JSON.stringify(toRecord(all, toDevValue))} as const;`,
    "",
    "/** The services of the product, as dev runs and shows them. */",
    `export const services = ${
      JSON.stringify(Object.fromEntries(entries), undefined, 2)
    } as const;`,
    "",
  ].join("\n");
}

function toRecord(
  settings: readonly DeclaredSetting[],
  toValue: (one: DeclaredSetting) => string | undefined,
): Record<string, string> {
  return Object.fromEntries(settings.flatMap((one) => {
    const value = toValue(one);
    return value === undefined ? [] : [[one.name, value]];
  }));
}

/** A default that is no text or number is written by its declaration, as operators write it. */
function toDevValue(
  { inDev, default: value, without = "" }: DeclaredSetting,
): string | undefined {
  if (inDev !== undefined || value === undefined) return inDev;
  return typeof value === "object" ? /^`(.+)`$/.exec(without)?.[1] : String(value);
}
