import { z } from "@hono/zod-openapi";
import type { PublishedTypes } from "@edgepass/shared/events";
import type { Described } from "./describe.ts";
import { type Files, generatedHead } from "./head.ts";

/** The types that a service publishes, those that it handles, and its part of an export. */
export interface Exchanging extends Pick<Described, "folder" | "publishes" | "consumes"> {
  /** What it stores about a person, where that is known already. */
  readonly exports?: string | undefined;
}

/** What the services of a product know of each other: names, and the table of events. */
export function writeContracts(services: readonly Exchanging[]): Files {
  return {
    "services/contracts/generated/events.ts": writeEventTable(services),
    "services/contracts/generated/services.ts": [
      generatedHead,
      "/** The services of the product, in the order of app/services.ts. */",
      `export const serviceNames = ${
        JSON.stringify(services.map(({ folder }) => folder))
      } as const;`,
      "",
      "/** A service of the product. */",
      "export type ServiceName = (typeof serviceNames)[number];",
      "",
      "/** What each service that has a part in a person's export stores about the person. */",
      `export const exportServices = ${
        JSON.stringify(Object.fromEntries(
          services.flatMap((one) => one.exports === undefined ? [] : [[one.folder, one.exports]]),
        ))
      } as const;`,
      "",
    ].join("\n"),
  };
}

/** Every type of event in docs/events.md, with what its publisher's declaration says of it. */
export function writeTypes(services: readonly Exchanging[], types: PublishedTypes): string {
  const rows = listTypes(services).map(({ type, source, consumers }) => {
    const { data, facet, means } = types[type] ?? {};
    const members = data ? Object.keys(z.toJSONSchema(data).properties ?? {}) : [];
    const named = members.map((name) => `\`${name}\``).join(", ") || "nothing";
    return `| \`${type}\` | ${source} | ${named} | ${facet} | ${consumers.join(", ")} | ${means} |`;
  });
  return [
    "| type | published by | data | facet | consumed by | means |",
    "| -- | -- | -- | -- | -- | -- |",
    ...rows,
  ].join("\n");
}

function listTypes(services: readonly Exchanging[]) {
  return services.flatMap(({ folder: source, publishes }) =>
    publishes.map((type) => {
      const consumers = services.filter(({ consumes }) => consumes.includes(type));
      return { type, source, consumers: consumers.map(({ folder }) => folder) };
    })
  );
}

/** The table of every type of event: declared by its publisher, consumed by its handlers. */
function writeEventTable(services: readonly Exchanging[]): string {
  const publishing = services.filter(({ publishes }) => publishes.length > 0);
  const rows = listTypes(services).map(({ type, source, consumers }) => {
    const names = JSON.stringify(consumers);
    return `"${type}": { ...${source}["${type}"], source: "/${source}", consumers: ${names} },`;
  });
  return [
    generatedHead,
    ...publishing.map(({ folder }) =>
      `import { events as ${folder} } from "@edgepass/${folder}/events";`
    ),
    `import type { EventTable } from "@edgepass/shared/events";`,
    "",
    "/** Every type of event: its publisher (`source`), facet, consumers, and data. */",
    "export const eventTypes = {",
    ...rows,
    "} as const satisfies EventTable;",
    "",
    "/** Every event type, for the events of a service. */",
    "export type EventTypes = typeof eventTypes;",
    "",
  ].join("\n");
}
