import { ConfigError, type DeclaredSetting } from "../composition/settings.ts";
import type { DeclaredRoute } from "./route.ts";

/** What a service declares before it is made. */
export interface Declared {
  /** Names of the services that it calls, without those whose exports it collects. */
  readonly calls: readonly string[];
  /** What it stores about a person; undefined where it has no part in a person's export. */
  readonly exports: string | undefined;
  /** Its own settings. */
  readonly settings: readonly DeclaredSetting[];
}

/** What the parts of a service say about it. */
export interface ServiceDescription {
  /** The paths below which its routes are. */
  readonly prefixes: readonly string[];
  /** Its documented routes. */
  readonly routes: readonly DeclaredRoute[];
  /** The types of event that it handles. */
  readonly consumes: readonly string[];
  /** Whether it has a part in a person's export. */
  readonly hasExport: boolean;
}

/**
 * Contradictions of a declaration, one line each, that names file and member.
 *
 * @param folder the service's, with a slash at its end
 * @param services every service of the product; undefined where that is unknown
 */
export function findDeclarationFaults(
  folder: string,
  { calls, settings }: Declared,
  services: readonly string[] | undefined,
): string[] {
  const file = `${folder}service.ts`;
  return [
    ...calls.filter((called) => services?.includes(called) === false)
      .map((called) => `${file}: calls: there is no service "${called}"`),
    ...settings.filter((one) => one.secret === true && one.default !== undefined)
      .map(({ name }) => `${file}: settings: ${name} is a secret and has a default`),
  ];
}

/** Contradictions between a declaration and the parts that its `create` returned. */
export function findPartFaults(
  folder: string,
  { exports }: Declared,
  { routes, consumes, hasExport }: Pick<ServiceDescription, "routes" | "consumes" | "hasExport">,
  published: readonly string[],
): string[] {
  const file = `${folder}service.ts`;
  return [
    ...(hasExport && exports === undefined
      ? [`${file}: exports: readExport returns what no member \`exports\` describes`]
      : []),
    ...(!hasExport && exports !== undefined
      ? [`${file}: exports: create returns no readExport`]
      : []),
    ...consumes.filter((type) => !published.includes(type))
      .map((type) => `${file}: on: no service publishes "${type}"`),
    // The gateway would have no rule to check, and the service would admit every caller.
    ...routes.filter(({ rule }) => rule === undefined)
      .map(({ method, path }) =>
        `${folder}routes.ts: ${method} ${path}: the route has no access rule`
      ),
  ];
}

/** What the parts say, without their routes, which have a path only once they are mounted. */
export function describeParts(
  { routes, on = {}, readExport }: {
    readonly routes: object;
    readonly on?: object;
    readonly readExport?: unknown;
  },
): Omit<ServiceDescription, "routes"> {
  return {
    prefixes: Object.keys(routes),
    consumes: Object.keys(on),
    hasExport: readExport !== undefined,
  };
}

/** @throws {ConfigError} in one line, for a declaration that contradicts itself */
export function requireNoFaults(faults: readonly string[]): void {
  if (faults.length > 0) throw new ConfigError(`Cannot start: ${faults.join("; ")}`);
}
