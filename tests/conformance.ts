import { readArguments } from "@edgepass/shared/runtime/deno";
import { projectRoot } from "./support/markdown.ts";
import { walk } from "./support/sources.ts";
import { writeFormatted } from "./support/write_formatted.ts";

/** A test, or a case of a suite, that names the requirement it tests. */
interface Tagged {
  readonly requirement: string;
  readonly name: string;
  readonly path: string;
}

const folders = ["control", "gateway", "services", "shared", "tests"];
const named = /(["'`])((?:(?!\1)[^\n\\]|\\.)*?\[RFC \d+[^\]]*\](?:(?!\1)[^\n\\]|\\.)*?)\1/g;
const tag = / ?\[(RFC [^\]]+)\]/g;

const intro = `# Conformance

Requirements of standards, and the tests that hold them up. A test names its requirement in brackets;
this list is made from the names by \`deno task docs:conformance\`, and a test holds it true. In a suite
a name is one row of a table, often of refusals, and the row runs on Deno and on workerd.
`;

/** The document, from the names in all test sources. */
export async function writeConformance(): Promise<string> {
  const found: Tagged[] = [];
  for (const folder of folders) {
    for await (const path of walk(folder)) {
      if (!path.endsWith("_test.ts") && !path.startsWith("tests/suite/")) continue;
      found.push(...readTagged(path, await Deno.readTextFile(projectRoot + path)));
    }
  }
  const byRequirement = Map.groupBy(found, ({ requirement }) => requirement);
  const sections = [...byRequirement].sort(([a], [b]) => compare(a, b)).map(
    ([requirement, tests]) => {
      const rows = tests.map(({ name, path }) => `- ${name} (\`${path}\`)`);
      return `## ${requirement}\n\n${[...new Set(rows)].sort().join("\n")}\n`;
    },
  );
  return [intro, ...sections].join("\n");
}

function readTagged(path: string, text: string): Tagged[] {
  return Array.from(text.matchAll(named)).flatMap(([, , literal = ""]) =>
    Array.from(literal.matchAll(tag), ([, requirement = ""]) => ({
      requirement,
      name: literal.replace(tag, "").replace(/\[[A-Z]\d\d[^\]]*\] ?/g, "")
        .replace(/(\$\{[^}]*\})+/g, "…").trim(),
      path,
    }))
  );
}

/** Sorts RFC 7515 before RFC 8725, and §3.9 before §3.10. */
function compare(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

if (import.meta.main) {
  readArguments({
    usage: "Usage: deno task docs:conformance\n\nWrites docs/conformance.md.",
    maxWords: 0,
  });
  await writeFormatted("docs/conformance.md", await writeConformance());
}
