import { DeclarationError } from "./describe.ts";
import { reserved } from "./names.ts";
import { readToml, textOf, type TomlEntry, type TomlTable, writeToml } from "./toml.ts";

/** Members that follow from the declarations; every other one is the operator's once it is there. */
const ours: Readonly<Record<string, readonly string[]>> = {
  "": ["main", "compatibility_date", "compatibility_flags"],
  build: ["command", "watch_dir"],
  assets: ["directory", "binding", "run_worker_first"],
  secrets: ["required"],
  d1_databases: ["binding", "migrations_dir"],
  services: ["binding"],
};

/**
 * A generated Wrangler file with everything that an operator has set in the present one: values of
 * generated members, and members and tables that are not generated. Losing one would move a
 * deployment to another domain or database.
 *
 * @throws {DeclarationError} for a present file that is not understood
 */
export function keepOwn(
  { path, services }: { readonly path: string; readonly services: readonly string[] },
  generated: string,
  before: string,
): string {
  const { tables: written } = readFile(path, generated);
  const { tables: present, rest } = readFile(path, before);
  requireTables(path, written, present);
  const lines = new Set(generated.split("\n"));
  const keepComments = (comments: readonly string[]) => comments.filter((one) => !lines.has(one));
  const keepEntry = (one: TomlEntry) => ({ ...one, comments: keepComments(one.comments) });
  const ids = new Set(written.map(toId));
  const others = present.filter((one) => !ids.has(toId(one)) && !isGone(one, services));
  // An operator's binding takes the place of the variable of this name.
  const bound = new Set(others.map((one) => textOf(one, "binding")));
  const merged = written.map((table) => {
    const own = present.find((one) => toId(one) === toId(table))?.entries.map(keepEntry) ?? [];
    const entries = mergeEntries(table, own);
    if (table.name !== "vars") return { ...table, entries };
    return { ...table, entries: entries.filter(({ key }) => !bound.has(key)) };
  });
  const kept = others.map((one) => ({
    ...one,
    comments: keepComments(one.comments),
    entries: one.entries.map(keepEntry),
  }));
  return writeToml([...merged, ...kept], keepComments(rest));
}

/** A text that an operator has set in the table of a binding. */
export function findOwn(path: string, before: string, id: string, key: string) {
  const table = readFile(path, before).tables.find((one) => toId(one) === id);
  return table && textOf(table, key);
}

function readFile(path: string, text: string): ReturnType<typeof readToml> {
  try {
    return readToml(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DeclarationError([`${path}: ${error.message}`]);
  }
}

/** The binding identifies an entry of an array. */
function toId(table: TomlTable): string {
  return table.isArray ? `${table.name} ${textOf(table, "binding")}` : table.name;
}

function mergeEntries(table: TomlTable, present: readonly TomlEntry[]): TomlEntry[] {
  const own = new Map(present.map((one) => [one.key, one]));
  const generated = table.entries.map((one) => {
    const kept = ours[table.name]?.includes(one.key) ? undefined : own.get(one.key);
    return kept ? { ...kept, comments: [...one.comments, ...kept.comments] } : one;
  });
  const known = new Set(table.entries.map(({ key }) => key));
  const isUnset = ({ value }: TomlEntry) => table.name === "vars" && /^(""|'')$/.test(value);
  return [...generated, ...present.filter((one) => !known.has(one.key) && !isUnset(one))];
}

/** What this generator wrote for a service that is no longer declared. */
function isGone(table: TomlTable, services: readonly string[]): boolean {
  const binding = textOf(table, "binding")?.toLowerCase() ?? "";
  const name = binding.replace(/_db$/, "");
  if (services.includes(name) || reserved.includes(name)) return false;
  return table.name === "services"
    ? textOf(table, "service") === `edgepass-${name}`
    : table.name === "d1_databases" &&
      textOf(table, "migrations_dir") === `services/${name}/migrations`;
}

/** A generated table that is written in another form would stand in the file twice. */
function requireTables(
  path: string,
  written: readonly TomlTable[],
  present: readonly TomlTable[],
): void {
  const [top, ...tables] = present;
  const refuse = (member: string, why: string) => {
    throw new DeclarationError([`${path}: ${member}: ${why}`]);
  };
  for (const { name, isArray, header } of written.slice(1)) {
    const isOf = (other: string) => other === name || other.startsWith(`${name}.`);
    const key = top?.entries.find((one) => isOf(one.key))?.key;
    if (key !== undefined) refuse(key, `write it as the table ${header}`);
    const form = tables.find((one) => one.name === name && one.isArray !== isArray) ??
      (isArray ? tables.find((one) => one.name.startsWith(`${name}.`)) : undefined);
    if (form) refuse(form.name, `write it as the table ${header}`);
  }
  const ids = new Set<string>();
  const known = new Set(written.map(toId));
  for (const id of tables.map(toId).filter((one) => known.has(one))) {
    if (ids.has(id)) refuse(id, "the table stands there twice");
    ids.add(id);
  }
}
