import assert from "node:assert/strict";
import { readProjectFile } from "../support/markdown.ts";
import { findCircles } from "./circles.ts";
import { readCoverage } from "./coverage.ts";
import { countLines, figureNames, type Measurements, toFigures } from "./figures.ts";
import plugin, { type Fact } from "./lint_plugin.ts";
import { countDocumented, toEntryPoints } from "./public_names.ts";
import { groupFacts, isGenerated, type MeasuredFile, toMeasuredFile } from "./read_facts.ts";
import { documentedFigures, figuresDocument, toText, withFigures } from "./table.ts";

function readFacts(text: string): Fact[] {
  return Deno.lint.runPlugin(plugin, "file.ts", text).map(({ message }) => JSON.parse(message));
}

function measure(path: string, text: string): MeasuredFile {
  return toMeasuredFile({ path, text }, new Map([[path, readFacts(text)]]));
}

const nothing: Measurements = {
  files: [],
  local: [],
  executed: new Map(),
  packages: new Map(),
  entryPoints: 0,
  exports: 0,
};

function figure(name: string, measured: Partial<Measurements>): string | undefined {
  return toFigures({ ...nothing, ...measured }).find((figure) => figure.name.startsWith(name))?.now;
}

function circlesOf(files: Readonly<Record<string, string>>, withTypes = false): string[][] {
  return findCircles(Object.entries(files).map(([path, text]) => measure(path, text)), {
    packages: new Map([["@edgepass/shared/a", "shared/a.ts"]]),
    withTypes,
  });
}

Deno.test("files that import each other are one circle, however long the way back is", () => {
  const files = {
    "gateway/a.ts": `import { b } from "./b.ts";`,
    "gateway/b.ts": `export { c } from "./deep/c.ts";`,
    "gateway/deep/c.ts": `const a = await import("../a.ts");`,
    "gateway/d.ts": `import "./a.ts";`,
    "gateway/self.ts": `export * from "./self.ts";`,
  };
  assert.deepEqual(circlesOf(files), [
    ["gateway/a.ts", "gateway/b.ts", "gateway/deep/c.ts"],
    ["gateway/self.ts"],
  ]);
  assert.deepEqual(circlesOf({ ...files, "gateway/deep/c.ts": "", "gateway/self.ts": "" }), []);
});

Deno.test("two circles that share a file are one", () => {
  assert.deepEqual(
    circlesOf({
      "shared/a.ts": `import "./b.ts"; import "./c.ts";`,
      "shared/b.ts": `import "./a.ts";`,
      "shared/c.ts": `import "./a.ts";`,
    }),
    [["shared/a.ts", "shared/b.ts", "shared/c.ts"]],
  );
});

Deno.test("an import by package name closes a circle, one of an external package does not", () => {
  assert.deepEqual(
    circlesOf({
      "shared/a.ts": `import "./b.ts"; import "hono";`,
      "shared/b.ts": `import "@edgepass/shared/a";`,
    }),
    [["shared/a.ts", "shared/b.ts"]],
  );
});

Deno.test("a circle through a type-only import counts only among those with types", () => {
  const files = {
    "shared/a.ts": `import type { B } from "./b.ts";`,
    "shared/b.ts": `import { a } from "./a.ts";`,
    "shared/c.ts": `export type { D } from "./d.ts";`,
    "shared/d.ts": `import { c } from "./c.ts";`,
  };
  assert.deepEqual(circlesOf(files), []);
  assert.equal(circlesOf(files, true).length, 2);
  // Under verbatimModuleSyntax this import stays, without names.
  assert.equal(
    circlesOf({ ...files, "shared/a.ts": `import { type B } from "./b.ts";` }).length,
    1,
  );
});

Deno.test("a function has the lines from its first to its last, with functions inside it", () => {
  const text = [
    "export async function outer() {",
    "  const inner = () => {",
    '    return "function fake() {";',
    "  };",
    "  // function comment() {}",
    "}",
    "export const table = { member(a: string) {",
    "} };",
    "[1].map((n) => n);",
  ].join("\n");
  const functions = readFacts(text).filter((fact) => fact.kind === "function");
  assert.deepEqual(functions.map(({ name, lines }) => [name, lines]), [
    ["outer", 6],
    ["inner", 3],
    ["member", 2],
    ["a function", 1],
  ]);
});

Deno.test("the longest file and function are those of the platform, with their place", () => {
  const long = "function long() {\n\n\n}\n";
  const files = [
    measure("gateway/a.ts", "function short() {\n}\n"),
    measure("control/b.ts", long),
    measure("services/course/c.ts", "\n\n" + long + long),
  ];
  assert.equal(figure("longest file", { files }), "4 (control/b.ts)");
  assert.equal(figure("longest function", { files }), "4 (long in control/b.ts)");
  assert.equal(figure("files of the platform", { files }), "2");
  assert.equal(figure("lines of gateway", { files }), "16");
});

Deno.test("blank lines and comments are lines, and nothing after the last newline is one", () => {
  const count = (text: string) => countLines([{ path: "a.ts", text }]);
  assert.deepEqual(["a\n\n// b\n", "a", "a\n"].map(count), [3, 1, 1]);
});

Deno.test("names that a service imports are distinct, and those of other packages are none", () => {
  const files = [
    measure("services/course/a.ts", `import { a, type b as c } from "@edgepass/shared/x";`),
    measure("services/course/b.ts", `import { a } from "@edgepass/shared/x"; import "hono";`),
    measure(
      "services/course/c.ts",
      `export { a } from "@edgepass/contracts"; import z from "zod";`,
    ),
    measure("services/auth/d.ts", `import { other } from "@edgepass/shared/x";`),
  ];
  assert.equal(figure("names that the author", { files }), "3");
});

Deno.test("source files are counted for each service, and contracts are no service", () => {
  const paths = ["user/a.ts", "auth/a.ts", "auth/store/b.ts", "contracts/c.ts"];
  const files = paths.map((path) => measure(`services/${path}`, ""));
  assert.equal(figure("source files of a service", { files }), "auth 2, user 1");
});

Deno.test("only called functions of platform and product are counted as executed", () => {
  const script = (path: string, ...counts: number[]) => ({
    scriptId: path,
    url: `file:///project/${path}`,
    functions: counts.map((count) => ({
      functionName: "",
      isBlockCoverage: false,
      ranges: [{ startOffset: 0, endOffset: 1, count }],
    })),
  });
  const executed = readCoverage([
    script("gateway/a.ts", 0, 2, 1),
    script("shared/b.ts", 0),
    script("services/user/c.ts", 1),
    script("local/redis/d.ts", 1),
    script("node_modules/hono/e.js", 1),
  ], "/project/");
  assert.deepEqual([...executed], [["gateway/a.ts", 2], ["services/user/c.ts", 1]]);
  assert.equal(figure("… of them in gateway/", { executed }), "1");
  assert.equal(figure("functions", { executed }), "3");
});

Deno.test("names are exported names, not private ones that documentation also lists", () => {
  const symbol = (name: string, declarationKind: string) => ({
    name,
    declarations: [{ declarationKind }],
  });
  const symbols = [symbol("a", "export"), symbol("b", "private")];
  assert.equal(countDocumented({ nodes: { a: { symbols }, b: { symbols } } }), 2);
});

Deno.test("a file that could not be parsed ends the measurement", () => {
  const errors = [{ file_path: "gateway/a.ts", message: "Unexpected end" }];
  assert.throws(() => groupFacts({ diagnostics: [], errors }, "/"), /gateway\/a\.ts/);
  const diagnostics = [{ filename: "file:///project/a.ts", message: `{"kind":"file"}` }];
  const facts = groupFacts({ diagnostics, errors: [] }, "/project/");
  assert.deepEqual([...facts], [["a.ts", [{ kind: "file" }]]]);
});

// A comment that silences the linter for a file would otherwise make its functions disappear.
Deno.test("a file on which the linter does not report ends the measurement", () => {
  const silenced = "// deno-lint-ignore-file\nfunction f() {}";
  assert.throws(() => toMeasuredFile({ path: "a.ts", text: silenced }, new Map()), /a\.ts/);
});

Deno.test("one entry point in place of a table is the unit itself", () => {
  const unit = { name: "@edgepass/control", exports: "./mod.ts" };
  assert.deepEqual([...toEntryPoints("control", unit)], [["@edgepass/control", "control/mod.ts"]]);
  const several = { name: "@edgepass/control", exports: { ".": "./mod.ts", "./log": "./log.ts" } };
  assert.deepEqual([...toEntryPoints("control", several)], [
    ["@edgepass/control", "control/mod.ts"],
    ["@edgepass/control/log", "control/log.ts"],
  ]);
});

Deno.test("a file is generated if its first line marks it", () => {
  const is = (text: string) => isGenerated({ path: "a.ts", text });
  assert.deepEqual(
    ["// Generated by deno task x\n", "/** Generated. */", "\n// generated", "// is generated"]
      .map(is),
    [true, true, false, false],
  );
});

Deno.test("the table for a terminal is aligned", () => {
  const [head = "", first = ""] = toText([
    { name: "a longer name", before: "7", now: "1,000", aim: "≤ 2" },
  ]).split("\n");
  assert.equal(head, "figure         0.1.0  now    aim");
  assert.equal(first, "a longer name  7      1,000  ≤ 2");
});

Deno.test("figures are written between their markers, in place of the previous ones", async () => {
  const document = await readProjectFile(figuresDocument);
  const written = withFigures(document, toFigures(nothing));
  assert.equal(withFigures(written, toFigures(nothing)), written);
  assert.deepEqual(documentedFigures(written), figureNames);
  assert.throws(() => withFigures("no markers", []), RangeError);
});

// Not the values: they change with each commit, and deno task measure has them.
Deno.test("the architecture names every figure", async () => {
  assert.deepEqual(documentedFigures(await readProjectFile(figuresDocument)), figureNames);
});
