import { findDeclarationFaults, findPartFaults, findRouteFaults } from "@edgepass/shared/http";
import { findRouteClashes, findTwice } from "../clashes.ts";
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
    ...findRouteClashes(described),
    ...findTwice(described, "events", ({ publishes }) => publishes, "events.ts"),
  ];
  if (faults.length > 0) throw new DeclarationError([...new Set(faults)]);
}

function checkOne(
  one: Described,
  before: readonly Described[],
  all: readonly Described[],
): string[] {
  const { folder, service, routes, prefixes } = one;
  const at = `services/${folder}/`;
  const file = `${at}service.ts`;
  const known = new Set(all.map((one) => one.folder));
  const published = all.flatMap(({ publishes }) => publishes);
  const earlier = new Set(before.map((one) => one.folder));
  const settings = all.flatMap((one) => one.service.settings.map(({ name }) => name));
  const badName = explainName(folder, settings);
  return [
    ...badName === undefined ? [] : [`${file}: name: ${badName}`],
    ...service.name === folder ? [] : [`${file}: name: "${service.name}" is not its folder's name`],
    ...findDeclarationFaults(at, service, all.map((one) => one.folder)),
    ...service.calls.filter((called) => known.has(called) && !earlier.has(called))
      .map((called) =>
        `${file}: calls: "${called}" must come before "${folder}" in app/services.ts`
      ),
    ...findPartFaults(at, service, one, published),
    ...findRouteFaults(at, routes),
    ...checkExports(folder, service, all),
    ...[...new Set([...prefixes, ...routes.map(({ path }) => path)])]
      .filter((path) => isReservedPath(path, folder))
      .map((path) => `${file}: routes: "${path}" is reserved for the platform`),
    ...checkFacts(folder, routes),
  ];
}

/** A part of an export that no service collects, or whose collector it calls itself. */
function checkExports(
  folder: string,
  { exports, calls }: Described["service"],
  all: readonly Described[],
): string[] {
  if (exports === undefined) return [];
  const file = `services/${folder}/service.ts`;
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
