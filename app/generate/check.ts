import { DeclarationError, type Described } from "./describe.ts";
import { explainName, isReservedPath } from "./names.ts";

/**
 * Checks the declarations against each other.
 *
 * @throws {DeclarationError} with one line for each fault, which names file and member
 */
export function checkServices(described: readonly Described[]): void {
  const faults = [
    ...described.flatMap((one, at) => checkOne(one, described.slice(0, at), described)),
    ...findTwice(described, "routes", ({ prefixes }) => prefixes.filter((path) => path !== "/")),
    ...findTwice(
      described,
      "routes",
      // A path has one row, whatever its methods: another service's row would replace it.
      ({ routes }) => routes.map(({ path }) => path),
    ),
    ...findTwice(described, "events", ({ publishes }) => publishes, "events.ts"),
  ];
  if (faults.length > 0) throw new DeclarationError([...new Set(faults)]);
}

function checkOne(
  { folder, service, routes, prefixes, consumes, hasExport }: Described,
  before: readonly Described[],
  all: readonly Described[],
): string[] {
  const file = `services/${folder}/service.ts`;
  const known = new Set(all.map((one) => one.folder));
  const published = new Set(all.flatMap(({ publishes }) => publishes));
  const earlier = new Set(before.map((one) => one.folder));
  const settings = all.flatMap((one) => one.service.settings.map(({ name }) => name));
  const badName = explainName(folder, settings);
  return [
    ...badName === undefined ? [] : [`${file}: name: ${badName}`],
    ...service.name === folder ? [] : [`${file}: name: "${service.name}" is not its folder's name`],
    ...service.calls.flatMap((called) => {
      if (!known.has(called)) return [`${file}: calls: there is no service "${called}"`];
      return earlier.has(called)
        ? []
        : [`${file}: calls: "${called}" must come before "${folder}" in app/services.ts`];
    }),
    ...checkExports(folder, service, hasExport, all),
    ...consumes.filter((type) => !published.has(type))
      .map((type) => `${file}: on: no service publishes "${type}"`),
    ...service.settings.filter((one) => one.secret === true && one.default !== undefined)
      .map(({ name }) => `${file}: settings: ${name} is a secret and has a default`),
    ...[...new Set([...prefixes, ...routes.map(({ path }) => path)])]
      .filter((path) => isReservedPath(path, folder))
      .map((path) => `${file}: routes: "${path}" is reserved for the platform`),
    ...checkFacts(folder, routes),
    ...routes.filter(({ rule }) => rule === undefined)
      .map(({ method, path }) =>
        `services/${folder}/routes.ts: ${method} ${path}: the route has no access rule`
      ),
  ];
}

/** Personal data that no export has, and a part of an export that nobody returns. */
function checkExports(
  folder: string,
  { exports, calls }: Described["service"],
  hasExport: boolean,
  all: readonly Described[],
): string[] {
  const file = `services/${folder}/service.ts`;
  if (hasExport && exports === undefined) {
    return [`${file}: exports: readExport returns what no member \`exports\` describes`];
  }
  if (exports === undefined) return [];
  if (!hasExport) return [`${file}: exports: create returns no readExport`];
  const collectors = all.filter(({ service }) => service.collectsExports);
  if (collectors.length === 0) return [`${file}: exports: no service has collectsExports`];
  // Two Workers that are bound to each other cannot be deployed for the first time.
  return collectors.filter((one) => calls.includes(one.folder))
    .map((one) => `${file}: calls: "${one.folder}" collects exports, so it calls ${folder} itself`);
}

/** A path has one row with one set of facts, so that a fact of one method holds for every other. */
function checkFacts(folder: string, routes: Described["routes"]): string[] {
  const file = `services/${folder}/routes.ts`;
  const write = (facts: object = {}) =>
    JSON.stringify(Object.entries(facts).toSorted(([one], [other]) => one < other ? -1 : 1));
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const differing = [...byPath].filter(([, ofPath]) =>
    new Set(ofPath.map(({ rule }) => write(rule?.gateway))).size > 1
  ).map(([path]) => `${file}: gateway: the methods of ${path} differ`);
  if (folder === "auth") return differing;
  // Either lets a response set or clear the login's cookies.
  const cookies = (["identityProvider", "clearsCookies"] as const).flatMap((fact) =>
    routes.filter(({ rule }) => rule?.gateway[fact] !== undefined)
      .map(({ method, path }) => `${file}: ${method} ${path}: ${fact} is of the service auth alone`)
  );
  return [...differing, ...cookies];
}

function findTwice(
  described: readonly Described[],
  member: string,
  list: (one: Described) => readonly string[],
  file = "service.ts",
): string[] {
  const owners = new Map<string, string>();
  return described.flatMap((one) =>
    [...new Set(list(one))].flatMap((value) => {
      const shape = value.replace(/\{[^}]*\}/g, "{}");
      const owner = owners.get(shape);
      owners.set(shape, owner ?? one.folder);
      return owner === undefined || owner === one.folder
        ? []
        : [`services/${one.folder}/${file}: ${member}: "${value}" belongs to ${owner} already`];
    })
  );
}
