import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { buildDashboard, findBarriers, findChromium, openWatched } from "./support/chromium.ts";
import { makeRow, traceIdOf } from "./support/dashboard_samples.ts";
import { type FakeDashboard, startFakeDashboard } from "./support/fake_dashboard.ts";
import { waitUntil } from "./support/wait.ts";

const isThere = await findChromium() !== undefined;
const isCi = Deno.env.get("CI") !== undefined;

Deno.test({
  name: "Chromium is installed; without it the tests of the dashboard's page are ignored",
  ignore: !isThere && !isCi,
  fn: () => assert.ok(isThere, "Cannot test the page: no Chromium is installed"),
});

/** The enrollment; its trace has every kind of entry. */
const enrollment = traceIdOf(3);

const views = {
  "the overview": ["#/", "Overview", ["gateway", "0.6 % failed", "3 of 13 parts are not ready."]],
  "the list of requests": ["#/requests", "Requests", [
    "token_expired",
    "/courses/…9f3ac001",
    "1.24 s",
  ]],
  "a request": [
    `#/requests/${enrollment}`,
    "POST /enrollments",
    [
      "GET → course",
      "roles:learner",
      "Not revoked (strict)",
      "edgepass.local",
      "delivered to course, 2nd attempt",
    ],
  ],
  "the log": ["#/logs", "Logs", ["Request completed", "Upstream is unavailable"]],
  "the events": ["#/events", "Events", [
    "8 events waiting, 2 dead letters.",
    "user.profile-changed",
    "poison",
    "Replay 1 event, all but poison",
  ]],
  "the configuration": ["#/configuration?version=3", "Configuration", [
    "Version 4, applied",
    "Ready for profile A",
    'gateway.revocation["/files/a.b"].boundedMs',
    "central document",
    "PASSPORT_TTL_SECONDS",
    "default",
    "4 is invalid",
    "Roll back to version 3…",
  ]],
  "the health": [
    "#/health",
    "Health",
    ["1 migration is missing", "enrollment ended with code 1", "2 requests in flight"],
  ],
} as const;

interface Setup extends AsyncDisposable {
  readonly fake: FakeDashboard;
  readonly page: Page;
  /** Fails where the page has reported an error. */
  requireCalm(): void;
}

type SetupOptions = Parameters<typeof openWatched>[1] & { readonly count?: number };

/** A page connected to its own dashboard. */
async function setup(hash: string, { count = 250, ...options }: SetupOptions = {}): Promise<Setup> {
  const fake = startFakeDashboard({ page: await buildDashboard(), count });
  const watched = await openWatched(`${fake.url}/${hash}`, options);
  const { page, complaints } = watched;
  await page.locator(".connection-live").waitFor();
  return {
    fake,
    page,
    requireCalm: () => assert.deepEqual(complaints, []),
    async [Symbol.asyncDispose]() {
      await watched[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

function inBrowser(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `the dashboard's page: ${name}`, ignore: !isThere, fn });
}

async function seeTexts(page: Page, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await page.locator("main").getByText(text).filter({ visible: true }).first().waitFor();
  }
}

/** The trace ids of the visible rows, in order. */
async function listRows(page: Page): Promise<string[]> {
  const rows = "[...document.querySelectorAll('.requests [data-trace]')]";
  return await page.evaluate<string[]>(`${rows}.map(({ dataset }) => dataset.trace)`);
}

for (const [what, [hash, heading, texts]] of Object.entries(views)) {
  inBrowser(
    `${what} shows the API's data, from its own origin only, on any screen size`,
    async () => {
      await using opened = await setup(hash);
      const { page } = opened;
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await seeTexts(page, texts);
      for (const width of [1920, 768, 360]) {
        await page.setViewportSize({ width, height: 740 });
        const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert.ok(Number(over) <= 0, `${over} pixels wider than ${width}`);
      }
      opened.requireCalm();
    },
  );

  inBrowser(
    `${what} has no accessibility violation that axe-core finds, in light and dark`,
    async () => {
      await using opened = await setup(hash, { count: 20 });
      await seeTexts(opened.page, texts);
      for (const colorScheme of ["light", "dark"] as const) {
        await opened.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        assert.deepEqual(await findBarriers(opened.page), [], colorScheme);
      }
    },
  );
}

inBrowser("a request is listed as soon as the stream reports it", async () => {
  await using opened = await setup("#/requests");
  const { page, fake } = opened;
  await page.locator("[data-trace]").first().waitFor();
  const row = makeRow(900, 0, { time: Date.now() + 1000, path: "/just-now", status: null });
  // The collector lists what it reports: a page that connects only now reads the list again.
  fake.samples.requests.unshift(row);
  fake.send("request", row);
  await page.getByText("/just-now").waitFor();
  assert.equal((await listRows(page))[0], row.traceId);
  fake.send("request", { ...row, status: 418 });
  await page.locator(".requests").getByText("418").waitFor();
  assert.equal((await listRows(page)).filter((id) => id === row.traceId).length, 1);
  opened.requireCalm();
});

inBrowser("log lines, health and the map follow the stream", async () => {
  await using opened = await setup("#/logs");
  const { page, fake } = opened;
  await page.getByText("Request completed").first().waitFor();
  fake.send("log", {
    id: 999_999,
    time: Date.now() + 1000,
    level: "warn",
    service: "course",
    traceId: null,
    spanId: null,
    message: "Logged just now",
    fields: {},
  });
  await page.getByText("Logged just now").waitFor();
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByText("3 of 13 parts are not ready.").waitFor();
  fake.samples.health = { parts: [], exits: [] };
  fake.send("health", { parts: fake.samples.health.parts, exits: [] });
  await page.getByText("No process has ended.").waitFor();
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await page.getByText("0.6 % failed").waitFor();
  const quiet = { requests: 0, errors: 0, p50Ms: 0, p95Ms: 0 };
  fake.samples.map = { nodes: [{ name: "gateway", kind: "gateway", ...quiet }], edges: [] };
  fake.send("metrics", { at: Date.now() });
  await page.getByText("No requests in this time.").waitFor();
  opened.requireCalm();
});

inBrowser(
  "an event's deliveries are shown at the request that caused it, and follow the stream",
  async () => {
    await using opened = await setup(`#/requests/${enrollment}`);
    const { page, fake } = opened;
    const way = page.locator(".trace-events .trail-steps");
    await way.getByText("stored in the outbox of enrollment").waitFor();
    await way.getByText("published to QStash").waitFor();
    await way.getByText("delivery to course failed, 1st attempt: busy (503)").waitFor();
    await way.getByText("delivered to course, 2nd attempt: applied (200)").waitFor();
    const trace = fake.samples.traces.get(enrollment);
    assert.ok(trace);
    const dead = { consumer: "course", state: "dead", attempts: [], nextAt: null } as const;
    const events = trace.events.map((event) => ({ ...event, deliveries: [dead] }));
    fake.samples.traces.set(enrollment, { ...trace, events });
    fake.send("events", { at: 1 });
    await way.getByText("a dead letter: not delivered to course").waitFor();
    opened.requireCalm();
  },
);

inBrowser(
  "events are browsed by keyboard, and dead letters are shown, replayed and deleted",
  async () => {
    await using opened = await setup("#/events");
    const { page, fake } = opened;
    await page.getByText("user.profile-changed").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText("waits in the outbox of user, after 3 attempts").waitFor();
    await page.keyboard.press("j");
    assert.match(await page.locator("summary:focus").textContent() ?? "", /course\.changed/);
    await page.getByRole("button", { name: "Show course.deleted for enrollment" }).press("Enter");
    await page.getByRole("region", { name: "Last response to course.deleted for enrollment" })
      .getByText("out of order").waitFor();
    await page.getByRole("button", { name: "Replay 1 event, all but poison" }).press("Enter");
    await page.getByText("1 event replayed, 1 left: poison").waitFor();
    await page.getByRole("button", { name: "Drop… course.deleted" }).press("Enter");
    assert.equal(
      fake.samples.events.deadLetters?.length,
      1,
      "the page asks for confirmation first",
    );
    await page.getByRole("button", { name: "Drop for good course.deleted" }).press("Enter");
    await page.getByText("No dead letters.").waitFor();
    fake.samples.events.outboxes = [];
    fake.samples.events.deadLetters = null;
    fake.send("events", { at: 1 });
    await page.getByText("No database of a service can be read from here.").waitFor();
    await page.getByText("deno task dlq list").waitFor();
    fake.samples.events.trouble = "The local QStash does not respond";
    fake.send("events", { at: 2 });
    await page.getByText("The local QStash does not respond.").waitFor();
    opened.requireCalm();
  },
);

inBrowser("the page reports that a dead letter no longer exists", async () => {
  await using opened = await setup("#/events");
  const { page, fake } = opened;
  const replay = page.getByRole("button", { name: "Replay course.changed for enrollment" });
  await replay.waitFor();
  const deadLetters = fake.samples.events.deadLetters ?? [];
  fake.samples.events.deadLetters = [];
  await replay.press("Enter");
  await page.getByText("It is no longer a dead letter").waitFor();
  assert.equal(deadLetters.length, 2);
});

inBrowser("filters narrow the list, are part of the URL and survive a reload", async () => {
  await using opened = await setup("#/requests");
  const { page, fake } = opened;
  await page.getByLabel("Status").selectOption("4xx");
  await page.getByLabel("Search").fill("courses");
  await page.getByRole("button", { name: "More filters" }).click();
  await page.getByLabel("Code").fill("forbidden");
  const onlyForbidden = async () => {
    const statuses = await page.locator(".requests tbody .cell-status").allTextContents();
    return statuses.length > 0 && statuses.every((text) => text === "403forbidden");
  };
  await waitUntil("only refusals are listed", onlyForbidden, 30_000);
  await waitUntil("the URL has the filter", () => page.url().includes("code=forbidden"), 30_000);
  const [path, query] = new URL(page.url()).hash.split("?");
  assert.equal(path, "#/requests");
  const set = Object.fromEntries(new URLSearchParams(query));
  assert.deepEqual(set, { q: "courses", status: "4xx", code: "forbidden" });
  // Rows from the stream are filtered in the same way.
  fake.send("request", makeRow(900, 0, { time: Date.now() + 1000, path: "/courses/not-this" }));
  fake.send("request", makeRow(7, 0, { traceId: traceIdOf(901), time: Date.now() + 2000 }));
  await waitUntil("it fits", async () => (await listRows(page))[0] === traceIdOf(901), 30_000);
  assert.equal(await page.getByText("/courses/not-this").count(), 0);
  await page.reload();
  await waitUntil("only refusals are listed again", onlyForbidden, 30_000);
  assert.equal(await page.getByLabel("Code").inputValue(), "forbidden");
  assert.equal(await page.getByLabel("Status").inputValue(), "4xx");
  await page.getByRole("button", { name: "Clear" }).click();
  await waitUntil("all are listed", async () => (await listRows(page)).length === 100, 30_000);
  opened.requireCalm();
});

inBrowser("a list does not move while the user reads it", async () => {
  await using opened = await setup("#/requests");
  const { page, fake } = opened;
  await page.locator("[data-trace]").nth(99).waitFor({ state: "attached" });
  await page.evaluate("scrollTo({ top: 600 })");
  await waitUntil("it stands", async () => {
    fake.send("request", makeRow(900, 0, { time: Date.now() + 1000, path: "/meanwhile" }));
    return await page.getByRole("button", { name: "1 new request" }).isVisible();
  }, 30_000);
  assert.equal(await page.getByText("/meanwhile").count(), 0);
  await page.getByRole("button", { name: "1 new request" }).click();
  await page.getByText("/meanwhile").waitFor();
  assert.equal(await page.evaluate("scrollY"), 0);
  opened.requireCalm();
});

inBrowser("older requests are loaded on scrolling down", async () => {
  await using opened = await setup("#/requests");
  const { page } = opened;
  await page.locator("[data-trace]").nth(99).waitFor({ state: "attached" });
  for (const count of [200, 250]) {
    await page.evaluate("scrollTo({ top: document.body.scrollHeight })");
    await waitUntil(`${count} rows`, async () => (await listRows(page)).length === count, 30_000);
  }
  assert.deepEqual(await listRows(page), opened.fake.samples.requests.map((row) => row.traceId));
  opened.requireCalm();
});

inBrowser("the keyboard alone leads from the list to a span and back to the same row", async () => {
  await using opened = await setup("#/requests");
  const { page } = opened;
  await page.locator("[data-trace]").first().waitFor();
  for (const key of ["j", "ArrowDown", "j", "j", "j", "k"]) await page.keyboard.press(key);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "POST /enrollments" }).waitFor();
  const selected = page.locator(".waterfall [aria-selected=true]");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.match(await selected.textContent() ?? "", /verify/);
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.locator(".waterfall tbody tr").count(), 1);
  assert.equal(await selected.getAttribute("aria-expanded"), "false");
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { level: 1, name: "Requests" }).waitFor();
  const focused = page.locator("[data-trace]:focus");
  assert.equal(await focused.getAttribute("data-trace"), enrollment);
  await page.keyboard.press("/");
  assert.equal(await page.locator("input[type=search]:focus").count(), 1);
  await page.keyboard.type("j?");
  assert.equal(await page.getByLabel("Search").inputValue(), "j?");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  opened.requireCalm();
});

inBrowser("single-key shortcuts do nothing once they are turned off", async () => {
  await using opened = await setup("#/requests");
  const { page } = opened;
  await page.locator("[data-trace]").first().waitFor();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await page.getByLabel("Single letters are shortcuts").uncheck();
  await page.getByRole("button", { name: "Close" }).click();
  await page.reload();
  await page.locator("[data-trace]").first().waitFor();
  await page.keyboard.press("j");
  assert.equal(await page.locator("[data-trace]:focus").count(), 0);
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("[data-trace]:focus").count(), 1);
});

inBrowser("a span shows its attributes and what was logged in it", async () => {
  await using opened = await setup(`#/requests/${enrollment}`);
  const { page } = opened;
  await page.getByText("GET /courses/:id").click();
  const details = page.locator(".span-details");
  await details.getByText("gateway,enrollment,course").waitFor();
  await details.getByText("Course has no lessons yet").waitFor();
  assert.equal(await details.getByText("Enrolled").count(), 0);
  await page.reload();
  await details.getByText("Course has no lessons yet").waitFor();
  assert.equal(await page.locator(".verdicts li").count(), 2);
  await page.getByText(`deno task explain ${enrollment}`).waitFor();
  opened.requireCalm();
});

inBrowser("a refused token is shown with its reason, what it means and what to do", async () => {
  await using opened = await setup(`#/requests/${traceIdOf(2)}`);
  const { page } = opened;
  const panel = page.locator(".token-refusal");
  await panel.waitFor();
  const text = await panel.innerText();
  assert.match(text, /Reason\s+expired\s+What it means\s+The token was valid until its exp\./);
  assert.match(text, /What to do\s+Get a new token;/);
  assert.doesNotMatch(text, /anonymous/);
});

inBrowser("the page reports that a trace is not stored", async () => {
  await using opened = await setup(`#/requests/${"f".repeat(32)}`);
  await opened.page.getByRole("heading", { level: 1, name: "No such trace" }).waitFor();
});

inBrowser("an empty store shows the next step", async () => {
  await using opened = await setup("#/requests", { count: 0 });
  const { page } = opened;
  await page.getByText("No requests yet.").waitFor();
  await page.getByText("curl -s http://127.0.0.1:8787/courses").waitFor();
  await page.getByRole("link", { name: "Logs" }).click();
  await page.getByText("Nothing has been logged yet.").waitFor();
  opened.requireCalm();
});

inBrowser("what others wrote is shown as text, wherever it stands", async () => {
  const markup = `<img src=x onerror="document.title='taken'"><script>alert(1)</script>`;
  await using opened = await setup("#/requests");
  const { page, fake } = opened;
  await page.locator("[data-trace]").first().waitFor();
  const row = makeRow(900, 0, {
    time: Date.now() + 1000,
    path: `/${markup}`,
    code: markup,
    services: ["gateway", markup],
  });
  fake.samples.requests.unshift(row);
  const line = {
    id: 999_999,
    time: row.time,
    level: markup,
    service: markup,
    traceId: row.traceId,
    spanId: null,
    message: markup,
    fields: { [markup]: markup },
  };
  fake.samples.logs.unshift(line);
  const trace = fake.samples.traces.get(enrollment);
  assert.ok(trace);
  const [span, ...others] = trace.spans;
  assert.ok(span);
  fake.samples.traces.set(row.traceId, {
    ...trace,
    request: row,
    spans: [{ ...span, name: markup, attributes: { [markup]: markup } }, ...others],
    logs: [line],
    passport: { kid: markup, claims: { ...trace.passport?.claims, [markup]: markup } },
  });
  fake.send("request", row);
  await page.getByText(`/${markup}`).click();
  await seeTexts(page, [`GET /${markup}`, markup]);
  await page.getByRole("link", { name: "Logs" }).click();
  await page.locator(".line-text").first().click();
  await seeTexts(page, [markup]);
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.equal(await page.title(), "Logs · Edgepass");
  opened.requireCalm();
});

inBrowser("the page reports that dev is down, and recovers by itself", async () => {
  const page = await buildDashboard();
  const first = startFakeDashboard({ page });
  await using opened = await openWatched(`${first.url}/#/requests`);
  await opened.page.locator("[data-trace]").first().waitFor();
  await first[Symbol.asyncDispose]();
  await opened.page.getByText("dev does not respond.").waitFor();
  assert.ok((await listRows(opened.page)).length > 0, "loaded rows stay");
  await using second = startFakeDashboard({ page, port: first.port });
  second.samples.requests.unshift(makeRow(900, Date.now(), { path: "/after-the-break" }));
  await opened.page.getByText("/after-the-break").waitFor();
  assert.equal(await opened.page.getByText("dev does not respond.").count(), 0);
  await opened.page.locator(".connection-live").waitFor();
});

inBrowser("the choice of colours is stored", async () => {
  await using opened = await setup("#/", { colorScheme: "light" });
  const { page } = opened;
  const ground = async () =>
    await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const light = await ground();
  await page.getByRole("button", { name: "Colours: system. Change to light" }).click();
  await page.getByRole("button", { name: "Colours: light. Change to dark" }).click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await ground(), dark);
  opened.requireCalm();
});
