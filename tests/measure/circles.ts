import type { ImportFact } from "./lint_plugin.ts";

/** A file and what it imports. */
export interface Importer {
  readonly path: string;
  readonly imports: readonly Pick<ImportFact, "specifier" | "isTypeOnly">[];
}

/** Package specifier (`@edgepass/shared/problem`) → path of its file (`shared/problem.ts`). */
export type Packages = ReadonlyMap<string, string>;

type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * The import circles among some files: the strongly connected components of more than one file,
 * and files that import themselves. Paths are sorted.
 */
export function findCircles(
  files: readonly Importer[],
  { packages, withTypes }: { readonly packages: Packages; readonly withTypes: boolean },
): string[][] {
  const paths = new Set(files.map(({ path }) => path));
  const graph: Graph = new Map(files.map(({ path, imports }) => {
    const targets = imports.filter(({ isTypeOnly }) => withTypes || !isTypeOnly)
      .flatMap(({ specifier }) => resolve(path, specifier, packages) ?? []);
    return [path, targets.filter((target) => paths.has(target))];
  }));
  return findComponents(graph)
    .filter(([path = "", ...others]) => others.length > 0 || graph.get(path)?.includes(path))
    .map((component) => component.sort());
}

function resolve(from: string, specifier: string, packages: Packages): string | undefined {
  return specifier.startsWith(".")
    ? new URL(specifier, `file:///${from}`).pathname.slice(1)
    : packages.get(specifier);
}

/** Tarjan's algorithm: a file is in the component of the earliest file that it can reach. */
function findComponents(graph: Graph): string[][] {
  const components: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];
  const visit = (path: string): number => {
    const own = order.size;
    order.set(path, own);
    open.push(path);
    let earliest = own;
    for (const target of graph.get(path) ?? []) {
      const seen = order.get(target);
      if (seen === undefined) earliest = Math.min(earliest, visit(target));
      else if (open.includes(target)) earliest = Math.min(earliest, seen);
    }
    if (earliest === own) components.push(open.splice(open.indexOf(path)));
    return earliest;
  };
  for (const path of graph.keys()) if (!order.has(path)) visit(path);
  return components;
}
