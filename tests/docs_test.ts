import assert from "node:assert/strict";
import { writeConformance } from "./conformance.ts";
import { lintPublicDocumentation } from "./docs_lint.ts";
import {
  readAnchors,
  readCode,
  readDocuments,
  readLinks,
  readTasks,
  readVariables,
} from "./support/documents.ts";
import { projectRoot, readFences, readProjectFile, writeFiles } from "./support/markdown.ts";
import { walk } from "./support/sources.ts";

const documents = await readDocuments();
const folders = [
  "app",
  "bench",
  "control",
  "dev",
  "docs",
  "gateway",
  "local",
  "ops",
  "services",
  "shared",
  "tests",
];
const paths = new Set<string>();
for (const folder of folders) for await (const path of walk(folder)) paths.add(path);

function isFile(path: string): boolean {
  try {
    Deno.statSync(projectRoot + path);
    return true;
  } catch {
    return false;
  }
}

/** A path as documents write it: `*` is one segment, a folder matches everything in it. */
function isThere(path: string): boolean {
  if (!path.includes("*")) return isFile(path);
  const pattern = path.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]+");
  const matcher = new RegExp(`^${pattern}(/|$)`);
  return [...paths].some((one) => matcher.test(one));
}

/** Every word in the sources, to look names up. */
async function readVocabulary(): Promise<ReadonlySet<string>> {
  const words = new Set<string>();
  const sources = [...paths].filter((path) => /\.(ts|toml|sql|json)$/.test(path));
  // Settings of services are in generated files, which the walk leaves out.
  const more = ["wrangler.toml", "wrangler.split.toml", "deno.json"];
  for (const path of [...sources, "dev/workspace/generated/services.ts", ...more]) {
    for (const word of (await readProjectFile(path)).match(/\w+/g) ?? []) words.add(word);
  }
  return words;
}

const vocabulary = await readVocabulary();

for (const document of documents) {
  const { path, text } = document;

  Deno.test(`links of ${path} lead to existing targets`, async () => {
    for (const link of readLinks(document)) {
      const [file = "", anchor] = link.split("#");
      const target = new URL(file, `file:///${path}`).pathname.slice(1);
      assert.ok(file === "" || isFile(target), `${path}: ${link}`);
      if (anchor === undefined) continue;
      const anchors = readAnchors(file === "" ? text : await readProjectFile(target));
      assert.ok(anchors.includes(anchor), `${path}: ${link}`);
    }
  });

  Deno.test(`paths named in ${path} exist`, () => {
    const named = readCode(document)
      .filter((code) =>
        /^(?:\.ci|app|bench|control|dev|docs|gateway|local|services|shared|tests)\/[\w./*-]*$/.test(
          code,
        )
      );
    for (const name of named) assert.ok(isThere(name), `${path}: ${name}`);
  });

  Deno.test(`tasks named in ${path} exist`, async () => {
    const { tasks } = JSON.parse(await readProjectFile("deno.json"));
    for (const task of readTasks(document)) assert.ok(task in tasks, `${path}: ${task}`);
  });

  Deno.test(`settings and codes named in ${path} are in the source`, () => {
    const snake = /^(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+)+)$/;
    const named = [
      ...readCode(document).filter((code) => snake.test(code)),
      ...readVariables(document),
    ];
    for (const name of named) assert.ok(vocabulary.has(name), `${path}: ${name}`);
  });

  Deno.test(`${path} names no local path or host of a developer`, () => {
    assert.doesNotMatch(text, /(?<![\w.])\/(work|tmp|home|root|Users)\//);
  });
}

Deno.test("TypeScript files in documents type-check", async () => {
  const fences = documents.flatMap(({ text }) => readFences(text))
    .filter(({ language, file }) => language === "ts" && file !== undefined);
  assert.ok(fences.length >= 3);
  await using folder = await writeFiles(fences);
  const check = new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--config", `${projectRoot}deno.json`, ...folder.files],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stderr } = await check.output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

Deno.test("every public export is documented", async () => {
  assert.deepEqual(await lintPublicDocumentation(), []);
});

Deno.test("docs/conformance.md lists the requirements that tests name", async () => {
  const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();
  assert.equal(
    squeeze(await readProjectFile("docs/conformance.md")),
    squeeze(await writeConformance()),
    "docs/conformance.md is stale: run deno task docs:conformance",
  );
});

Deno.test("every promise of SECURITY.md names a test file that has its ids", async () => {
  const text = await readProjectFile("SECURITY.md");
  const rows = Array.from(text.matchAll(/^\| (.+?) +\| (`tests\/.*|`s.*_test.*) \|$/gm));
  assert.ok(rows.length > 30);
  for (const [, promise = "", where = ""] of rows) {
    const [, ids = ""] = /\[([A-Z]\d\d[^\]]*)\]/.exec(promise) ?? [];
    const files = where.match(/[\w/.-]+\.ts/g) ?? [];
    const sources = await Promise.all(files.map(readProjectFile));
    for (const id of ids.split(", ").filter(Boolean)) {
      assert.ok(sources.some((source) => source.includes(id)), `${promise}: ${id}`);
    }
  }
});

Deno.test("AGENTS.md has at most 60 lines", async () => {
  assert.ok((await readProjectFile("AGENTS.md")).split("\n").length <= 61);
});
