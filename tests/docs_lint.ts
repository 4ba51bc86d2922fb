/**
 * Runs `deno doc --lint` over everything public: the exports of gateway, control and shared.
 *
 * Three kinds of findings are ignored. Only another package can export its own type that a public
 * signature uses. A table behind `keyof typeof` is documented by its names. And a schema is not
 * repeated as an explicit type.
 */
import { readArguments } from "@edgepass/shared/runtime/deno";
import { projectRoot, readProjectFile } from "./support/markdown.ts";
import { files } from "./support/sources.ts";

/** The units that are the platform. */
const units = ["gateway", "control", "shared"];

/** The findings that must be fixed. */
export async function lintPublicDocumentation(): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...await entries()],
    cwd: projectRoot,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  });
  const output = new TextDecoder().decode((await command.output()).stderr);
  const findings = output.split(/^(?=error(?:\[|:))/m).filter((part) => part.startsWith("error["));
  // Any other failure of the command must not pass for a clean run.
  if (findings.length === 0 && /^error/m.test(output)) return [output];
  const ours = await readOwnTypes();
  return findings.filter((finding) => {
    if (/^error\[missing-(explicit|return)-type\]/.test(finding)) return false;
    if (!finding.startsWith("error[private-type-ref]")) return true;
    const [, declaration = ""] = /\d+ \| (.*)\n[ |]*-.*this is the referenced type/.exec(finding) ??
      [];
    return ours.has(declaration.trim());
  }).map((finding) => finding.replaceAll(projectRoot, "").trimEnd());
}

/** The public entry points. */
async function entries(): Promise<string[]> {
  const found: string[] = [];
  for (const unit of units) {
    const { exports }: { exports: Record<string, string> } = JSON.parse(
      await readProjectFile(`${unit}/deno.json`),
    );
    found.push(...Object.values(exports).map((path) => path.replace("./", `${unit}/`)));
  }
  return found;
}

/** The lines in which the units declare their own types. */
async function readOwnTypes(): Promise<ReadonlySet<string>> {
  const lines = new Set<string>();
  for await (const { text } of files(units)) {
    const declarations = text.matchAll(/^(?:export )?(?:type|interface|class) [A-Z].*$/gm);
    for (const [line] of declarations) lines.add(line.trim());
  }
  return lines;
}

if (import.meta.main) {
  readArguments({
    usage:
      "Usage: deno task docs:lint\n\nChecks the public docstrings of gateway, control and shared.",
    maxWords: 0,
  });
  const findings = await lintPublicDocumentation();
  for (const finding of findings) console.error(finding);
  console.error(`${findings.length} findings in the public documentation`);
  Deno.exit(findings.length === 0 ? 0 : 1);
}
