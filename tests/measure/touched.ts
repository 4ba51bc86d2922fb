import { copyTree, succeed } from "../support/tree_copy.ts";

/** The files that one change of the product touches. */
export interface Touched {
  /** In the folder of a new service; 0 for a change of one that exists. */
  readonly folder: number;
  /** Paths that are edited, beside that folder. */
  readonly edited: readonly string[];
  /** Paths that tasks write from declarations. */
  readonly generated: readonly string[];
}

/** The changes that are counted, in the order in which they are made. */
export interface TouchedBy {
  readonly service: Touched;
  readonly setting: Touched;
  readonly route: Touched;
}

/** Tasks that write files from declarations; tests compare what they wrote. */
const generators = [["generate"], ["openapi"], ["docs:configuration"]];
const folder = "services/notes/";
/** The bundle of the new service alone: the documented figures of the others have a tolerance. */
const sizes = ["docs:sizes", `${folder}wrangler.toml`];

/** Text of every file, by its path. */
type Tree = ReadonlyMap<string, string>;

/**
 * Makes a service, a setting and a route in a copy of the tree, and compares the copy before and
 * after. The copy's own checks and the tests of the service then show that nothing was left out.
 */
export async function measureTouched(): Promise<TouchedBy> {
  await using copy = await copyTree();
  const { folder: root } = copy;
  const original = await readTree(root);
  await succeed(root, "task", "--quiet", "new", "service", "notes");
  const complete = await readTree(root);
  // What the generators do not write again after it was put back was edited.
  const isKept = (path: string) => path.startsWith(folder) || path === "app/services.ts";
  for (const path of listChanges(original, complete)) {
    if (!isKept(path)) await put(root, path, original.get(path));
  }
  await runTasks(root, [...generators, sizes]);
  const regenerated = await readTree(root);
  const service = classify(
    listChanges(original, complete),
    new Set(
      listChanges(original, regenerated)
        .filter((path) => !isKept(path) && regenerated.get(path) === complete.get(path)),
    ),
  );
  for (const path of listChanges(regenerated, complete)) {
    await put(root, path, complete.get(path));
  }
  const setting = await makeChange(root, addSetting);
  const route = await makeChange(root, addRoute);
  await succeed(root, "check", "--quiet", folder, "app/deno.ts");
  await succeed(root, "test", "-A", "--quiet", "--no-check", folder);
  return { service, setting, route };
}

/** Paths with what was edited and what was generated. */
export function classify(changed: readonly string[], generated: ReadonlySet<string>): Touched {
  const beside = changed.filter((path) => !path.startsWith(folder));
  return {
    folder: changed.length - beside.length,
    edited: beside.filter((path) => !generated.has(path)),
    generated: beside.filter((path) => generated.has(path)),
  };
}

/** Paths whose text differs, sorted; a file that only one of the trees has differs. */
export function listChanges(before: Tree, after: Tree): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).sort();
}

async function makeChange(root: string, edit: (root: string) => Promise<void>): Promise<Touched> {
  const before = await readTree(root);
  await edit(root);
  await succeed(root, "fmt", "--quiet", folder);
  const edited = await readTree(root);
  await runTasks(root, generators);
  return {
    folder: 0,
    edited: listChanges(before, edited),
    generated: listChanges(edited, await readTree(root)),
  };
}

async function addSetting(root: string): Promise<void> {
  await editFile(`${root}/${folder}service.ts`, [
    [/^/, 'import { setting } from "@edgepass/shared/configuration";\n'],
    [/\n\n/, '\nimport * as z from "zod/mini";\n\n'],
    [
      / {2}create\(/,
      '  settings: { NOTES_TITLE: setting(z.optional(z.string()), { meaning: "the first title" }) },\n$&',
    ],
  ]);
}

async function addRoute(root: string): Promise<void> {
  await editFile(`${root}/${folder}schema.ts`, [
    [/$/, '\nexport const NoteTitle = Note.pick({ title: true }).openapi("NoteTitle");\n'],
  ]);
  await editFile(`${root}/${folder}routes.ts`, [
    [/NewNote,/, "NewNote, NoteTitle,"],
    [
      /\/\*\* The routes of notes. \*\//,
      `const getNoteTitle = createRoute({
        ...common,
        method: "get",
        path: "/{id}/title",
        operationId: "getNoteTitle",
        summary: "The title of a note of one's own",
        request: { params: NoteParams },
        responses: { 200: jsonResponse("The title", NoteTitle) },
        problems: ["not_found", "store_unavailable"],
      });\n\n$&`,
    ],
    [
      /return createApi\(\)/,
      `$&.openapi(getNoteTitle, async (c) => {
        const { title } = await notes.get(c.req.valid("param").id, c.var.user);
        return c.json({ title }, 200);
      })`,
    ],
  ]);
  await editFile(`${root}/${folder}notes_test.ts`, [
    [/import \{ Note,/, "import { Note, NoteTitle,"],
    [
      /$/,
      `\nDeno.test("the title of a note is read by its person", async () => {
        using platform = await setup();
        const { id } = await platform.create();
        const read = platform.call("GET", \`/notes/\${id}/title\`, { as: ann });
        assert.deepEqual(await expectJson(read, 200, NoteTitle), { title: body.title });
      });\n`,
    ],
  ]);
}

/** @throws {Error} where a place is not in the file: the change would be counted without it */
async function editFile(path: string, edits: readonly [place: RegExp, text: string][]) {
  let text = await Deno.readTextFile(path);
  for (const [place, replacement] of edits) {
    if (!place.test(text)) throw new Error(`Cannot edit ${path}: it has no ${place}`);
    text = text.replace(place, replacement);
  }
  await Deno.writeTextFile(path, text);
}

async function runTasks(root: string, tasks: readonly (readonly string[])[]): Promise<void> {
  for (const task of tasks) await succeed(root, "task", "--quiet", ...task);
}

async function put(root: string, path: string, text: string | undefined): Promise<void> {
  if (text === undefined) await Deno.remove(`${root}/${path}`);
  else await Deno.writeTextFile(`${root}/${path}`, text);
}

async function readTree(root: string, below = ""): Promise<Tree> {
  const tree = new Map<string, string>();
  for await (const { name, isDirectory, isFile } of Deno.readDir(`${root}/${below}`)) {
    // Installed packages are a link; hidden folders have caches and what was built.
    if (name.startsWith(".") || name === "node_modules" || name === "dist") continue;
    const path = `${below}${name}`;
    if (isFile) tree.set(path, await Deno.readTextFile(`${root}/${path}`));
    if (!isDirectory) continue;
    for (const [inner, text] of await readTree(root, `${path}/`)) tree.set(inner, text);
  }
  return tree;
}
