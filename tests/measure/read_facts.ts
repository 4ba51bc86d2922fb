import { projectRoot } from "../support/markdown.ts";
import { files, type Source } from "../support/sources.ts";
import type { Fact, FunctionFact, ImportFact } from "./lint_plugin.ts";

/** A source file with what the linter's syntax tree says of it. */
export interface MeasuredFile extends Source {
  readonly imports: readonly ImportFact[];
  readonly functions: readonly FunctionFact[];
}

interface Report {
  readonly diagnostics: readonly { readonly filename: string; readonly message: string }[];
  readonly errors: readonly { readonly file_path: string; readonly message: string }[];
}

/** Units of which the syntax tree is read; a unit that does not exist yet has no files. */
const units = ["app", "control", "gateway", "services", "shared"];

/**
 * The source files of the platform and the product: neither tests nor generated.
 *
 * @throws {Error} if a file could not be parsed, because its figures would be missing
 */
export async function readMeasuredFiles(): Promise<MeasuredFile[]> {
  const folders = await existing(units);
  const facts = groupFacts(await lint(folders), projectRoot);
  return (await readSources(folders)).map((source) => toMeasuredFile(source, facts));
}

/** @throws {Error} if the linter did not report on the file, as where a comment silences it */
export function toMeasuredFile(
  source: Source,
  facts: ReadonlyMap<string, readonly Fact[]>,
): MeasuredFile {
  const own = facts.get(source.path) ?? [];
  if (!own.some(({ kind }) => kind === "file")) {
    throw new Error(`Cannot measure ${source.path}: deno lint did not report on it`);
  }
  return {
    ...source,
    imports: own.filter((fact) => fact.kind === "import"),
    functions: own.filter((fact) => fact.kind === "function"),
  };
}

/** The source files of some folders, without tests and generated files. */
export async function readSources(folders: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for await (const source of files(await existing(folders))) {
    if (!isGenerated(source)) sources.push(source);
  }
  return sources;
}

/** Whether a file's first line says that a program writes it. */
export function isGenerated({ text }: Source): boolean {
  return /^(\/\/|\/\*+) *generated\b/i.test(text);
}

/** Facts by path inside the project. */
export function groupFacts(
  { diagnostics, errors }: Report,
  root: string,
): ReadonlyMap<string, readonly Fact[]> {
  const [error] = errors;
  if (error) throw new Error(`Cannot measure ${error.file_path}: ${error.message}`);
  const facts = new Map<string, Fact[]>();
  for (const { filename, message } of diagnostics) {
    const path = filename.replace(/^file:\/\//, "").replace(root, "");
    const fact: Fact = JSON.parse(message);
    facts.set(path, [...facts.get(path) ?? [], fact]);
  }
  return facts;
}

/** With a plugin the linter of Deno 2.9.5 and 2.9.6 crashes in about one of eight runs. */
const attempts = 8;

async function lint(folders: readonly string[]): Promise<Report> {
  let result = await runLinter(folders);
  for (let runs = 1; result.signal !== null && runs < attempts; runs++) {
    result = await runLinter(folders);
  }
  const { stdout, stderr } = result;
  const text = new TextDecoder().decode(stdout);
  // Its exit code is 1 whenever there is a finding, and each fact is one.
  if (text === "") throw new Error(`Cannot measure: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(text);
}

async function runLinter(folders: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), {
    args: ["lint", "--json", "--config", "tests/measure/lint.json", ...folders],
    cwd: projectRoot,
  }).output();
}

async function existing(folders: readonly string[]): Promise<string[]> {
  const top = await Array.fromAsync(Deno.readDir(projectRoot));
  return folders.filter((folder) => top.some(({ name }) => name === folder));
}
