import { delimiter, join } from "node:path";
import { type Finding, ok } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

/** Programs that only tests need, by the tests that are skipped without them. */
const tools = [
  { names: ["redis-server"], without: "the suites against a real Redis are left out" },
  {
    names: ["chromium", "chromium-browser", "google-chrome"],
    without: "the tests of the page are left out",
  },
] as const;

/** What tests can make use of; none of it is required. */
export function checkTools({ scope, variables }: DoctorContext): Finding[] {
  if (scope === "deployment") return [];
  const folders = (variables.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return tools.map(({ names, without }) => {
    const found = names.find((name) => folders.some((folder) => isFile(join(folder, name))));
    return ok(found === undefined ? `no ${names[0]}: ${without}` : `${found} is there for tests`);
  });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
