import { readDocumented } from "./support/documented.ts";
import { journey } from "./suite/journey.ts";
import { targets } from "./targets.ts";

for (const [placement, start] of Object.entries(targets)) {
  Deno.test(`the journey: ${placement}`, async (t) => {
    await using site = await start();
    const documented = await readDocumented();
    for (const [what, walk] of Object.entries(journey)) {
      await t.step(what, () => walk({ site, documented }));
    }
  });
}
