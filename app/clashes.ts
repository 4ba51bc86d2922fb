import type { ServiceDescription } from "@edgepass/shared/http";

/** A service's routes, for the comparison with those of the others. */
export interface Routed extends Pick<ServiceDescription, "prefixes" | "routes"> {
  /** The name of its folder. */
  readonly folder: string;
}

/**
 * Prefixes and paths that two services claim, one line each, that names file and member: a path has
 * one row, whatever its methods, so that the second service would replace the first.
 */
export function findRouteClashes(services: readonly Routed[]): string[] {
  const faults = [
    ...findTwice(services, "routes", ({ prefixes }) => prefixes.filter((path) => path !== "/")),
    ...findTwice(services, "routes", ({ routes }) => routes.map(({ path }) => path)),
  ];
  return [...new Set(faults)];
}

/** Values of which only one service may have each. */
export function findTwice<One extends { readonly folder: string }>(
  services: readonly One[],
  member: string,
  list: (one: One) => readonly string[],
  file = "service.ts",
): string[] {
  const owners = new Map<string, string>();
  return services.flatMap((one) =>
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
