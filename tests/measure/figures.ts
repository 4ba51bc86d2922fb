import type { Source } from "../support/sources.ts";
import { findCircles, type Packages } from "./circles.ts";
import type { Executed } from "./coverage.ts";
import type { MeasuredFile } from "./read_facts.ts";
import type { Touched, TouchedBy } from "./touched.ts";

/** What the figures are counted from. */
export interface Measurements {
  /** Source files of platform and product. */
  readonly files: readonly MeasuredFile[];
  /** Source files of what runs the product on one machine. */
  readonly local: readonly Source[];
  /** What one warm `GET /users/me` executes. */
  readonly executed: Executed;
  /** Every package specifier of the platform, for its import graph. */
  readonly packages: Packages;
  readonly entryPoints: number;
  readonly exports: number;
  /** The files that three changes touch. */
  readonly touched: TouchedBy;
}

/** One row of the table. */
export interface Figure {
  readonly name: string;
  /** What it was in version 0.1.0; empty where it was not counted. */
  readonly before: string;
  readonly now: string;
  readonly aim: string;
}

type Row = readonly [
  name: string,
  before: string,
  aim: string,
  now: (measured: Measurements) => string | number,
];

const platform = /^(gateway|shared|control)\//;

const rows: readonly Row[] = [
  [
    "files that a warm, authenticated GET /users/me executes",
    "89",
    "≤ 50",
    ({ executed }) => executed.size,
  ],
  ["… of them in gateway/", "35", "≤ 20", ({ executed }) => inGateway(executed).length],
  ["functions that it executes", "278", "", ({ executed }) => sum(executed.values())],
  ["files of the platform", "236", "≤ 150", (measured) => platformFiles(measured).length],
  ["import circles in the platform, also of types", "10", "0", describeCircles],
  ["longest file of the platform, in lines", "", "≤ 300", longestFile],
  ["longest function of the platform, in lines", "", "≤ 60", longestFunction],
  ["entry points of shared", "35", "≤ 14", ({ entryPoints }) => entryPoints],
  ["names that they export", "973", "", ({ exports }) => exports],
  ["names that the author of services/course imports", "50 to 59", "≤ 30", countAuthorNames],
  ["source files of a service", "", "≤ 8", describeServices],
  [
    "files that a new service touches",
    "27",
    "its folder, 1 edited",
    ({ touched }) => describeTouched(touched.service),
  ],
  [
    "files that a new setting of a service touches",
    "5 to 6",
    "1 edited",
    ({ touched }) => describeTouched(touched.setting),
  ],
  [
    "files that a new route touches, with its test",
    "5",
    "≤ 3 edited",
    ({ touched }) => describeTouched(touched.route),
  ],
  [
    "lines of gateway, shared, control, services, app",
    "27,500",
    "≤ 24,500",
    ({ files }) => grouped(countLines(files)),
  ],
  ["lines of dev, local", "23,800", "≤ 20,500", ({ local }) => grouped(countLines(local))],
];

/** The name of every figure, in order. */
export const figureNames: readonly string[] = rows.map(([name]) => name);

/** How the figures are counted, in one sentence each. */
export const method: readonly string[] = [
  "A file is a .ts or .tsx file that is neither a test (_test) nor generated.",
  "Lines are all lines, with blank ones and comments; a function's include the functions inside it.",
  "The request runs on Deno, gateway and services in one process; its client, its server and Redis are not counted.",
  "The platform is gateway, shared and control.",
  "A change is made in a copy of the tree, by `deno task new service` or an edit that then passes its test; generated is what a task of deno.json writes from it.",
  "An import circle is a group of files that all import each other, directly or through others.",
];

/** Every figure of the house. */
export function toFigures(measured: Measurements): Figure[] {
  return rows.map(([name, before, aim, now]) => ({
    name,
    before,
    now: String(now(measured)),
    aim,
  }));
}

/** The lines of some files as an editor numbers them: what follows the last newline is none. */
export function countLines(sources: readonly Source[]): number {
  return sum(sources.map(({ text }) => text.replace(/\n$/, "").split("\n").length));
}

function platformFiles({ files }: Measurements): MeasuredFile[] {
  return files.filter(({ path }) => platform.test(path));
}

function inGateway(executed: Executed): string[] {
  return [...executed.keys()].filter((path) => path.startsWith("gateway/"));
}

function describeCircles(measured: Measurements): string {
  const { packages } = measured;
  const circles = findCircles(platformFiles(measured), { packages, withTypes: true });
  if (circles.length === 0) return "0";
  return `${circles.length} (${sum(circles.map(({ length }) => length))} files)`;
}

function longestFile(measured: Measurements): string {
  return describeLongest(
    platformFiles(measured).map((file) => ({ what: file.path, lines: countLines([file]) })),
  );
}

function longestFunction(measured: Measurements): string {
  return describeLongest(
    platformFiles(measured).flatMap(({ path, functions }) =>
      functions.map(({ name, lines }) => ({ what: `${name} in ${path}`, lines }))
    ),
  );
}

function describeLongest(
  candidates: readonly { readonly what: string; readonly lines: number }[],
): string {
  const none = { what: "none", lines: 0 };
  const { what, lines } = candidates.reduce((a, b) => b.lines > a.lines ? b : a, none);
  return `${lines} (${what})`;
}

/** Distinct names from packages of the project; the same name of two packages is two. */
function countAuthorNames({ files }: Measurements): number {
  const course = files.filter(({ path }) => path.startsWith("services/course/"));
  const names = course.flatMap(({ imports }) =>
    imports.filter(({ specifier }) => specifier.startsWith("@edgepass/"))
      .flatMap(({ specifier, names }) => names.map((name) => `${specifier} ${name}`))
  );
  return new Set(names).size;
}

function describeServices({ files }: Measurements): string {
  const counts = new Map<string, number>();
  for (const { path } of files) {
    const [, service] = /^services\/([^/]+)\//.exec(path) ?? [];
    if (service === undefined || service === "contracts") continue;
    counts.set(service, (counts.get(service) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([service, count]) => `${service} ${count}`).join(", ");
}

function describeTouched({ folder, edited, generated }: Touched): string {
  const inFolder = folder === 0 ? "" : `its folder (${folder}), `;
  return `${inFolder}${edited.length} edited, ${generated.length} generated`;
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function sum(counts: Iterable<number>): number {
  return Iterator.from(counts).reduce((total, count) => total + count, 0);
}
