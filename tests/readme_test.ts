import assert from "node:assert/strict";
import { startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { readProjectFile } from "./support/markdown.ts";
import { type Ids, readTour, walk, withoutChance } from "./support/tour.ts";

const readme = await readProjectFile("README.md");

async function hasCurl(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("curl", { args: ["--help", "http"] }).output();
    return new TextDecoder().decode(stdout).includes("--json");
  } catch {
    return false;
  }
}

Deno.test({
  name: "the tour of the README has the outputs that the README shows (needs curl 7.82)",
  ignore: !await hasCurl(),
  async fn() {
    await using workspace = await temporaryWorkspace();
    await using system = await startDev({ workspace: workspace.path, args: ["--split"] });
    const [, user = ""] = /^ +user +http:\/\/127\.0\.0\.1:(\d+)$/m.exec(system.output()) ?? [];
    const ids: Ids = new Map();
    const ports = { 8787: system.port, 43483: Number(user) };
    const tour = readTour(readme);
    assert.ok(tour.length > 10);
    for (const step of tour) {
      const output = await walk(step, { cwd: workspace.path, ids, ports });
      assert.equal(withoutChance(output), withoutChance(step.output), step.command);
    }
  },
});

Deno.test("the README stays under 200 lines", () => {
  assert.ok(readme.split("\n").length < 200);
});
