/** A command of a tour and the output that the document shows. */
export interface TourStep {
  readonly command: string;
  readonly output: string;
}

/** The commands of a document's `console` blocks, in order. */
export function readTour(markdown: string): TourStep[] {
  const blocks = Array.from(
    markdown.matchAll(/^```console\n(.*?)^```$/gms),
    ([, text = ""]) => text,
  );
  return blocks.flatMap((block) =>
    block.split(/^\$ /m).slice(1).map((step) => {
      const [command = "", ...output] = step.split("\n");
      return { command, output: output.join("\n").trim() };
    })
  );
}

/** Ids of resources in a document, with the ids of the running system. */
export type Ids = Map<string, string>;

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Runs a command unchanged except for ports and ids, and stores the ids in its output. */
export async function walk(
  { command, output }: TourStep,
  { cwd, ids, ports }: { cwd: string; ids: Ids; ports: Readonly<Record<string, number>> },
): Promise<string> {
  const localised = command
    .replace(/(?<=127\.0\.0\.1:)\d+/g, (port) => String(ports[port] ?? port))
    .replace(uuid, (id) => ids.get(id) ?? id);
  const child = new Deno.Command("sh", { args: ["-c", localised], cwd, stderr: "null" });
  const actual = new TextDecoder().decode((await child.output()).stdout).trim();
  const actualIds = actual.match(uuid) ?? [];
  for (const [at, shown] of (output.match(uuid) ?? []).entries()) {
    const id = actualIds[at];
    if (id !== undefined && !ids.has(shown)) ids.set(shown, id);
  }
  return actual;
}

/** What two runs of the same step have in common. */
export function withoutChance(output: string): string {
  return output.replace(uuid, "<id>").replace(/"[0-9a-f]{32}"/g, '"<trace>"')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
}
