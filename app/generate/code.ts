import { type Described, hasEvents } from "./describe.ts";
import { writeDev } from "./dev.ts";
import { type Files, generatedHead } from "./head.ts";

/** The sources that place and compose the services. */
export function writeCode(services: readonly Described[]): Files {
  return {
    "app/generated/services.ts": writeServices(services),
    "app/generated/routes.ts": writeRoutes(services),
    "app/generated/migrations_deno.ts": writeMigrations(services),
    "dev/workspace/generated/services.ts": writeDev(services),
    ...Object.fromEntries(services.flatMap(writeEntries)),
  };
}

function writeServices(services: readonly Described[]): string {
  const names = services.map(({ folder }) => folder);
  return [
    generatedHead,
    ...names.map((name) => `import ${name} from "@edgepass/${name}";`),
    "",
    "/** Every service of the product; one comes after those that it calls. */",
    `export const services = { ${names.join(", ")} } as const;`,
    "",
  ].join("\n");
}

/** Data alone: the gateway's own Worker must not contain a service. */
function writeRoutes(services: readonly Described[]): string {
  const places = services.map(({ service: { place, name } }) => [place, name]);
  const withEvents = services.filter(hasEvents).map(({ service }) => service.place);
  return [
    generatedHead,
    `import type { Row } from "../routes.ts";`,
    "",
    "/** Each service, by the variable or binding that places it. */",
    `export const places = ${JSON.stringify(Object.fromEntries(places))} as const;`,
    "",
    "/** The services that publish or consume events. */",
    `export const eventServices = ${JSON.stringify(withEvents)} as const;`,
    "",
    "/** Every documented operation, with the access rule that its service declares. */",
    `export const routes = ${
      JSON.stringify(Object.fromEntries(orderRows(services.map(toRows))), undefined, 2)
    } as const satisfies Readonly<Record<string, Row>>;`,
    "",
  ].join("\n");
}

/** A path with its row of the gateway's table. */
type PathRow = readonly [path: string, row: unknown];

function toRows({ service, routes }: Described): PathRow[] {
  const byPath = Map.groupBy(routes, ({ path }) => path);
  return Array.from(byPath, ([path, operations]) => {
    const access = operations.map(({ method, rule }) => [method, rule?.access]);
    const facts = Object.assign({}, ...operations.map(({ rule }) => rule?.gateway));
    return [path, { service: service.place, ...facts, access: Object.fromEntries(access) }];
  });
}

/** In the order of the services; what is below the path of an earlier one follows that path. */
function orderRows(ofServices: readonly (readonly PathRow[])[]): PathRow[] {
  const rows: PathRow[] = [];
  for (const own of ofServices) {
    const earlier = rows.length;
    for (const row of own) {
      const parent = rows.findLastIndex(([path], at) =>
        at < earlier && row[0].startsWith(`${path}/`)
      );
      rows.splice(parent === -1 ? rows.length : parent + 1, 0, row);
    }
  }
  return rows;
}

function writeMigrations(services: readonly Described[]): string {
  return [
    generatedHead,
    "/** The SQL files of each database, by the variable that names the database. */",
    "export const migrations = {",
    ...services.flatMap(({ folder, service: { database } }) =>
      database === undefined
        ? []
        : [`${database}: new URL("../../services/${folder}/migrations/", import.meta.url),`]
    ),
    "} as const satisfies Readonly<Record<string, URL>>;",
    "",
  ].join("\n");
}

function writeEntries({ folder, service: { database } }: Described): [string, string][] {
  const options = database === undefined ? "" : `, {
    migrations: { ${database}: new URL("./migrations/", import.meta.url) },
  }`;
  return [
    [
      `services/${folder}/deno.ts`,
      [
        generatedHead,
        `import { serve, spareProcessors } from "@edgepass/shared/runtime/deno";`,
        `import service from "./service.ts";`,
        "",
        `await serve((bindings) => service.compose(bindings, { processors: spareProcessors() })${options});`,
        "",
      ].join("\n"),
    ],
    [
      `services/${folder}/workerd.ts`,
      [
        generatedHead,
        `import { worker } from "@edgepass/shared/runtime/workerd";`,
        `import service from "./service.ts";`,
        "",
        "export default worker((bindings) => service.compose(bindings));",
        "",
      ].join("\n"),
    ],
  ];
}
