import { projectRoot, readProjectFile } from "../support/markdown.ts";
import type { Packages } from "./circles.ts";

interface Documentation {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocumentedSymbol[] }>>;
}

interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly { readonly declarationKind: string }[];
}

/** What a unit's `deno.json` says of its public face. */
interface Package {
  readonly name: string;
  readonly exports: string | Readonly<Record<string, string>>;
}

/** The entry points of a unit, from the `exports` of its `deno.json`. */
export async function readEntryPoints(unit: string): Promise<Packages> {
  return toEntryPoints(unit, JSON.parse(await readProjectFile(`${unit}/deno.json`)));
}

/** Package specifier → path, of a unit in the folder of that name. */
export function toEntryPoints(unit: string, { name, exports }: Package): Packages {
  const table = typeof exports === "string" ? { ".": exports } : exports;
  return new Map(
    Object.entries(table).map(([entry, file]) => [name + entry.slice(1), unit + file.slice(1)]),
  );
}

/** How many names some entry points export, by `deno doc`; one that two export counts twice. */
export async function countExports(entryPoints: Packages): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...new Set(entryPoints.values())],
    cwd: projectRoot,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`Cannot count exports: ${text(stderr)}`);
  return countDocumented(JSON.parse(text(stdout)));
}

/** The exported names in the output of `deno doc --json`. */
export function countDocumented({ nodes }: Documentation): number {
  return Object.values(nodes).flatMap(({ symbols }) =>
    symbols.filter(({ declarations }) =>
      declarations.some(({ declarationKind }) => declarationKind === "export")
    )
  ).length;
}
