import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { buildDashboard, findBarriers, findChromium, openWatched } from "./support/chromium.ts";
import { withLongNames } from "./support/dashboard_long_names.ts";
import { makeRow, makeSamples, traceIdOf } from "./support/dashboard_samples.ts";
import { startFakeDashboard } from "./support/fake_dashboard.ts";
import { findLayoutFaults } from "./support/layout.ts";
import { waitUntil } from "./support/wait.ts";

const isThere = await findChromium() !== undefined;

/** Each view, with an element that exists once it is drawn. */
const views = {
  "the overview": ["#/", ".latest li"],
  "the list of requests": ["#/requests", "[data-trace]"],
  "a request": [`#/requests/${traceIdOf(3)}`, ".verdicts li"],
  "a request with a refused token": [`#/requests/${traceIdOf(2)}`, ".token-refusal"],
  "the log": ["#/logs", ".line"],
  "the events": ["#/events", ".dead-letters li"],
  "the configuration": ["#/configuration?version=3", ".version-buttons"],
  "the health": ["#/health", ".parts-table tbody tr"],
} as const;
const widths = [360, 390, 768, 1280, 1920];

async function setup(hash: string, { areLong = true } = {}) {
  const short = makeSamples(60, Date.now());
  const samples = areLong ? withLongNames(short) : short;
  const fake = startFakeDashboard({ page: await buildDashboard(), samples });
  const watched = await openWatched(`${fake.url}/${hash}`);
  await watched.page.locator(".connection-live").waitFor();
  return {
    fake,
    page: watched.page,
    async [Symbol.asyncDispose]() {
      await watched[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

function inBrowser(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `the page's layout: ${name}`, ignore: !isThere, fn });
}

/** A frame after a box has changed, the map is drawn again and rows become visible. */
const afterTwoFrames =
  "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))";

const openAll = (page: Page) =>
  page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)");

/** Opens a view and waits until it is drawn, with everything unfolded. */
async function show(page: Page, [hash, drawn]: readonly [hash: string, drawn: string]) {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await page.locator(drawn).first().waitFor();
  await openAll(page);
}

for (const areLong of [true, false]) {
  inBrowser(
    `no view with ${areLong ? "long" : "short"} names cuts, overlaps or hides`,
    async () => {
      await using opened = await setup("#/", { areLong });
      const { page } = opened;
      for (const [what, view] of Object.entries(views)) {
        await show(page, view);
        for (const width of widths) {
          await page.setViewportSize({ width, height: 844 });
          await page.evaluate(afterTwoFrames);
          assert.deepEqual(await findLayoutFaults(page), [], `${what} at ${width} pixels`);
        }
      }
    },
  );
}

inBrowser("no view has a barrier on a telephone, light and dark", async () => {
  await using opened = await setup("#/");
  const { page } = opened;
  await page.setViewportSize({ width: 390, height: 844 });
  for (const [what, view] of Object.entries(views)) {
    await show(page, view);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await findBarriers(page), [], `${what}, ${colorScheme}`);
    }
  }
});

inBrowser("the check finds what it looks for", async () => {
  await using opened = await setup("#/health");
  const { page } = opened;
  await page.locator(".part-name").first().waitFor();
  assert.deepEqual(await findLayoutFaults(page), []);
  const faults = {
    ".part-name { white-space: nowrap }": /^outside of /,
    ".part-name { display: block; overflow: hidden; white-space: nowrap }": /^outside of /,
    ".part-name { display: block; overflow: hidden; white-space: nowrap; text-overflow: ellipsis }":
      /^cut without a title/,
    ".part-state { position: relative; left: -60px }": / lies on /,
    "main { width: 1400px }": /^the page is 1\d\d\d wide/,
    "header nav { visibility: hidden }": /^out of reach: Overview/,
  };
  for (const [css, fault] of Object.entries(faults)) {
    await page.evaluate(`{
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(${JSON.stringify(css)});
      document.adoptedStyleSheets = [sheet];
    }`);
    const found = await findLayoutFaults(page);
    assert.ok(found.some((one) => fault.test(one)), `${css}: ${found.join("\n")}`);
  }
});

inBrowser("the page's own requests are listed only on request", async () => {
  await using opened = await setup("#/requests", { areLong: false });
  const { page, fake } = opened;
  await page.locator("[data-trace]").first().waitFor();
  const own = { path: "/admin/configuration", isOwn: true } as const;
  fake.samples.requests.unshift(makeRow(900, Date.now(), own));
  fake.send("request", makeRow(901, 0, { ...own, time: Date.now() + 1000 }));
  fake.send("request", makeRow(902, 0, { time: Date.now() + 2000, path: "/of-a-client" }));
  await page.getByText("/of-a-client").waitFor();
  const listed = () => page.getByText("/admin/configuration").count();
  assert.equal(await listed(), 0);
  await page.getByLabel("Show requests of this page").check();
  await waitUntil("it is listed", async () => await listed() > 0, 60_000);
  assert.match(page.url(), /own=show/);
  await page.reload();
  await waitUntil("it is listed again", async () => await listed() > 0, 60_000);
  await page.getByLabel("Show requests of this page").uncheck();
  await waitUntil("it is left out", async () => await listed() === 0, 60_000);
});

inBrowser("since is a time and how long ago it was, or between what it began", async () => {
  await using opened = await setup("#/health", { areLong: false });
  const { page, fake } = opened;
  const part = { name: "auth", kind: "http", state: "ready", reason: "" } as const;
  const day = 24 * 3_600_000;
  fake.samples.health = { parts: [{ ...part, since: Date.now() - 2 * day }], exits: [] };
  // An event that is sent before the page listens would be lost.
  await page.reload();
  const since = page.locator(".part-since");
  await since.getByText(/^\d+ \w+, \d\d:\d\d \(2 d/).waitFor();
  const now = Date.now();
  fake.samples.health = {
    parts: [{ ...part, since: now - 5_000, notBefore: now - 60_000 }],
    exits: [],
  };
  await page.reload();
  await since.getByText(/^between .+ and .+ \(at least \d+ \w+\)$/).waitFor();
});
