import { gatewaySettings } from "@edgepass/gateway";
import { type DeclaredSetting, listSettings } from "@edgepass/shared/configuration";
import { qstashSettings } from "@edgepass/shared/events";
import { serviceRuntimeSettings } from "@edgepass/shared/http";
import { upstashSettings } from "@edgepass/shared/redis";
import { processSettings } from "@edgepass/shared/runtime/deno";
import { type Described, hasEvents } from "./describe.ts";

/** A setting with the programs that read it. */
export interface ReadSetting extends DeclaredSetting {
  readonly readers: readonly string[];
}

/** The settings of each program, and those of every process on Deno. */
export function listPrograms(services: readonly Described[]): Map<string, DeclaredSetting[]> {
  const gateway = listSettings(gatewaySettings);
  return new Map([
    ["gateway", [...gateway, ...services.map((one) => placeOf(one, services))]],
    ...services.map((one) => [one.folder, listOfService(one, services)] as const),
    ["Deno", listSettings(processSettings)],
  ]);
}

function listOfService(one: Described, all: readonly Described[]): DeclaredSetting[] {
  const { service } = one;
  const called = all.filter(({ folder }) => one.calls.includes(folder));
  const settings = [
    ...service.settings,
    ...listSettings(serviceRuntimeSettings),
    ...listSettings(upstashSettings),
    ...(hasEvents(one) ? listSettings(qstashSettings) : []),
    ...called.map((other) => placeOf(other, all)),
    ...databaseOf(one, all),
  ];
  // A service that must have a setting that others may omit declares it again, and comes first.
  return [...new Map(settings.toReversed().map((each) => [each.name, each])).values()].toReversed();
}

/** The first of a kind is explained, the others refer to it. */
function placeOf({ folder, service: { place } }: Described, all: readonly Described[]) {
  const isFirst = all[0]?.folder === folder;
  const meaning = `where ${folder} is${isFirst ? ": a service binding or a URL" : ""}`;
  return { name: place, meaning, without: "the same isolate", required: false };
}

function databaseOf({ folder, service: { database } }: Described, all: readonly Described[]) {
  if (database === undefined) return [];
  const isFirst = all.find(({ service }) => service.database !== undefined)?.folder === folder;
  const explain = (meaning: string) => isFirst ? meaning : "the same";
  return [
    {
      name: database,
      meaning: explain("D1 binding, libSQL URL, or on Deno `sqlite:<path>`"),
      required: true,
    },
    {
      name: `${database}_TOKEN`,
      meaning: explain("token of a libSQL database"),
      without: "none is sent",
      secret: true,
      required: false,
    },
  ];
}

/** Every setting of the product once, with the programs that read it. */
export function listAllSettings(services: readonly Described[]): ReadSetting[] {
  const found = new Map<string, ReadSetting>();
  for (const [program, settings] of listPrograms(services)) {
    for (const one of settings) {
      const { readers = [] } = found.get(one.name) ?? {};
      found.set(one.name, { ...one, ...found.get(one.name), readers: [...readers, program] });
    }
  }
  return [...found.values()];
}

/** The table of settings in docs/deploy.md. */
export function writeSettingsTable(services: readonly Described[]): string {
  const rows = listAllSettings(services).map(({ name, readers, meaning, secret, ...one }) =>
    `| \`${name}\` | ${nameReaders(readers, services)} | ${meaning} | ${describeAbsence(one)} | ${
      secret === true ? "yes" : ""
    } |`
  );
  return [
    "| name | read by | meaning | without it | secret |",
    "| -- | -- | -- | -- | -- |",
    ...rows,
  ].join("\n");
}

function nameReaders(readers: readonly string[], services: readonly Described[]): string {
  const isOfAll = services.every(({ folder }) => readers.includes(folder));
  if (!isOfAll) return readers.join(", ");
  const others = readers.filter((reader) => !services.some(({ folder }) => folder === reader));
  return [...others, "services"].join(", ");
}

function describeAbsence(
  { required, without, default: value }: Pick<DeclaredSetting, "required" | "without" | "default">,
): string {
  if (without !== undefined) return without;
  return required ? "refuses" : `\`${String(value)}\``;
}
