import { readFences, readProjectFile } from "./markdown.ts";
import { walk } from "./sources.ts";

/** A Markdown file of the project. */
export interface Document {
  readonly path: string;
  readonly text: string;
  /** The text without its fenced blocks. */
  readonly prose: string;
}

const atTop = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "AGENTS.md",
  "CHANGELOG.md",
];

/** Every document that the tests check. */
export async function readDocuments(): Promise<Document[]> {
  const below = await Array.fromAsync(walk("docs"));
  const paths = [...atTop, ...below.filter((path) => path.endsWith(".md")).sort()];
  return await Promise.all(paths.map(async (path) => {
    const text = await readProjectFile(path);
    return { path, text, prose: text.replace(/^```.*?^```$/gms, "") };
  }));
}

/** The content of single backticks in the prose. */
export function readCode({ prose }: Document): string[] {
  return Array.from(prose.matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code);
}

/** Link targets inside the project, without external links. */
export function readLinks({ prose }: Document): string[] {
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a document's headings, as repository hosts generate them. */
export function readAnchors(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm);
  return Array.from(
    headings,
    ([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

/** Tasks that a document asks its reader to run. */
export function readTasks({ text }: Document): string[] {
  return Array.from(text.matchAll(/deno task (?:--\S+ )*([a-z][\w:-]*)/g), ([, task = ""]) => task);
}

/**
 * Variables that a document's shell commands set for other programs, and do not read themselves.
 */
export function readVariables({ text }: Document): string[] {
  const shell = readFences(text).filter(({ language }) => ["sh", "console"].includes(language));
  return shell.flatMap((fence) =>
    Array.from(fence.text.matchAll(/(?:^|[\s(;])([A-Z][A-Z_]+)=/g), ([, name = ""]) => name)
      .filter((name) => !new RegExp(`\\$\\{?${name}\\b`).test(text))
  );
}
