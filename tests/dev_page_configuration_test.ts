import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { buildDashboard, findBarriers, findChromium, openWatched } from "./support/chromium.ts";
import { addVersion } from "./support/dashboard_configuration.ts";
import { type FakeDashboard, startFakeDashboard } from "./support/fake_dashboard.ts";

const isThere = await findChromium() !== undefined;

interface Opened extends AsyncDisposable {
  readonly fake: FakeDashboard;
  readonly page: Page;
  /** The page's errors, without refusals of this status that the test caused. */
  complaints(status?: number): readonly string[];
}

async function setup(query = ""): Promise<Opened> {
  const fake = startFakeDashboard({ page: await buildDashboard(), count: 1 });
  const watched = await openWatched(`${fake.url}/#/configuration${query}`);
  await watched.page.locator(".connection-live").waitFor();
  await watched.page.getByText("Version 4, applied").waitFor();
  return {
    fake,
    page: watched.page,
    complaints: (status) =>
      watched.complaints.filter((text) =>
        status === undefined || !(text.startsWith(`${status}: `) || text.includes(`of ${status} `))
      ),
    async [Symbol.asyncDispose]() {
      await watched[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

function inBrowser(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `the page's configuration: ${name}`, ignore: !isThere, fn });
}

const field = (page: Page) => page.getByRole("textbox", { name: "Document" });
const button = (page: Page, name: string) => page.getByRole("button", { name });
const statusOf = (page: Page) => page.locator("main > p[role=status]");

inBrowser(
  "a version made elsewhere and the programs that apply it appear without a reload",
  async () => {
    await using opened = await setup();
    const { page, fake } = opened;
    const { configuration } = fake.samples;
    const { version } = addVersion(configuration, { gateway: { logLevel: "warn" } }, {
      comment: "From elsewhere",
    });
    fake.send("configuration", { version });
    await page.getByText("Version 5, applied").waitFor();
    await page.locator(".versions").getByText("From elsewhere").waitFor();
    assert.equal(await page.getByText("passport.send", { exact: true }).count(), 0);
    configuration.rollout = [{ service: "course", version, since: Date.now(), refused: null }];
    fake.send("configuration", { version });
    await page.locator(".rollout tbody tr").nth(1).waitFor({ state: "detached" });
    assert.match(await page.locator(".rollout tbody").textContent() ?? "", /^course5/);
    assert.deepEqual(opened.complaints(), []);
  },
);

inBrowser("without a version the page explains the purpose and the first step", async () => {
  await using opened = await setup();
  const { page, fake } = opened;
  fake.samples.configuration.versions = [];
  await page.reload();
  await page.getByText("No central configuration yet.").waitFor();
  await page.getByText("deno task config set gateway.logLevel debug").waitFor();
  await page.getByText("All settings come from the environment.").waitFor();
  await page.getByText("No changes yet.").waitFor();
  await page.getByText("PASSPORT_TTL_SECONDS").waitFor();
  assert.deepEqual(await findBarriers(page), []);
  assert.deepEqual(opened.complaints(), []);
});

inBrowser("a document is changed by keys alone, with what differs on show", async () => {
  await using opened = await setup();
  const { page, fake } = opened;
  await button(page, "Change…").press("Enter");
  await page.locator("textarea:focus").waitFor();
  await page.getByText("Nothing is changed yet.").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type('{"gateway":{"logLevel":"war');
  await page.getByText("It is no JSON yet").waitFor();
  await page.keyboard.type('n"}}');
  const row = page.locator(".preview tr", { hasText: "gateway.logLevel" });
  await row.waitFor();
  assert.deepEqual(await row.locator("td").allTextContents(), ["debug", "warn"]);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    assert.deepEqual(await findBarriers(page), [], colorScheme);
  }
  await page.keyboard.press("Tab");
  await page.keyboard.type("Quiet again");
  await page.keyboard.press("Enter");
  await page.getByText("Version 5 is current.").waitFor();
  await page.getByText("Version 5, applied").waitFor();
  const [made] = fake.samples.configuration.versions;
  assert.deepEqual([made?.document, made?.comment], [
    { gateway: { logLevel: "warn" } },
    "Quiet again",
  ]);
  assert.equal(await page.locator("textarea").count(), 0);
  await page.locator("button:focus", { hasText: "Change…" }).waitFor();
  assert.deepEqual(opened.complaints(), []);
});

inBrowser("a refused document is shown with its errors, and stays editable", async () => {
  await using opened = await setup();
  const { page, fake } = opened;
  await button(page, "Change…").click();
  await field(page).fill('{"gateway":{"logLevel":"loud"}}');
  await button(page, "Apply").click();
  const issues = page.getByRole("alert");
  await issues.getByText("The document is invalid; nothing was changed").waitFor();
  assert.equal(
    await issues.locator("li").textContent(),
    "gateway.logLevel must be one of debug, info, warn, error",
  );
  await page.locator(".issues:focus").waitFor();
  assert.deepEqual(await findBarriers(page), []);
  await field(page).fill("{");
  await button(page, "Apply").click();
  await issues.getByText("The text is not a document").waitFor();
  assert.equal(fake.samples.configuration.versions.length, 4);
  await page.setViewportSize({ width: 360, height: 740 });
  const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  assert.ok(Number(over) <= 0, `${over} pixels too wide`);
  await field(page).fill("{}");
  await button(page, "Apply").click();
  await page.getByText("Version 5 is current.").waitFor();
  assert.deepEqual(opened.complaints(422), []);
});

inBrowser(
  "a conflicting change is refused, and can be repeated on the newer version",
  async () => {
    await using opened = await setup();
    const { page, fake } = opened;
    const { configuration } = fake.samples;
    await button(page, "Change…").click();
    await field(page).fill('{"gateway":{"logLevel":"error"}}');
    addVersion(configuration, { gateway: { logLevel: "info" } });
    await button(page, "Apply").click();
    await page.getByRole("alert").getByText("Another version became current in the meantime")
      .waitFor();
    assert.equal(configuration.versions.length, 5, "the other change is kept");
    await page.getByText("Version 5 became current in the meantime.").waitFor();
    assert.deepEqual(await findBarriers(page), []);
    assert.equal(await field(page).inputValue(), '{"gateway":{"logLevel":"error"}}');
    await button(page, "Keep my text, over version 5").click();
    await page.locator(".preview").getByText("Version 5").waitFor();
    await button(page, "Apply").click();
    await page.getByText("Version 6 is current.").waitFor();
    assert.deepEqual(configuration.versions[0]?.document, { gateway: { logLevel: "error" } });
    assert.deepEqual(opened.complaints(409), []);
  },
);

inBrowser("who begins anew after another one's change has that one's document", async () => {
  await using opened = await setup();
  const { page, fake } = opened;
  await button(page, "Change…").click();
  await field(page).fill("{}");
  const { version } = addVersion(fake.samples.configuration, { gateway: { logLevel: "info" } });
  fake.send("configuration", { version });
  await button(page, "Start again from version 5").click();
  assert.deepEqual(JSON.parse(await field(page).inputValue()), { gateway: { logLevel: "info" } });
  await button(page, "Cancel").click();
  await page.locator("button:focus", { hasText: "Change…" }).waitFor();
  assert.equal(fake.samples.configuration.versions.length, 5);
  assert.deepEqual(opened.complaints(), []);
});

inBrowser(
  "a version is selected by keyboard, compared, and restored after confirmation",
  async () => {
    await using opened = await setup();
    const { page, fake } = opened;
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText("This is the current version.").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText("This is the current version.").waitFor({ state: "detached" });
    const row = page.locator(".version-detail tr", { hasText: "gateway.passportTtlSeconds" });
    await row.waitFor();
    assert.deepEqual(await row.locator("td").allTextContents(), ["20", "not set"]);
    assert.match(page.url(), /version=3$/);
    await button(page, "Roll back to version 3…").press("Enter");
    assert.equal(
      fake.samples.configuration.versions.length,
      4,
      "the page asks for confirmation first",
    );
    await page.locator("button:focus", { hasText: "Apply version 3 again" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("Version 5 is current.").waitFor();
    await page.locator(".versions").getByText("Back to version 3").waitFor();
    await page.locator("p:focus", { hasText: "Version 5 is current." }).waitFor();
    const [made, , old] = fake.samples.configuration.versions;
    assert.deepEqual(made?.document, old?.document);
    await button(page, "Show older versions").click();
    await page.getByRole("link", { name: "Version 1" }).waitFor();
    assert.deepEqual(opened.complaints(), []);
  },
);

inBrowser("a rollback is refused when another version came in between", async () => {
  await using opened = await setup("?version=3");
  const { page, fake } = opened;
  const { configuration } = fake.samples;
  await button(page, "Roll back to version 3…").click();
  addVersion(configuration, { gateway: { logLevel: "info" } });
  await button(page, "Apply version 3 again").click();
  await page.getByText("Another version became current in the meantime; nothing was changed.")
    .waitFor();
  assert.equal(await statusOf(page).getAttribute("class"), "notice is-bad");
  await page.getByText("Version 5, applied").waitFor();
  assert.equal(configuration.versions.length, 5);
  // The confirmation was for another version, so the page asks again.
  await button(page, "Roll back to version 3…").waitFor();
  assert.deepEqual(opened.complaints(409), []);
});

inBrowser("what others wrote is shown as text", async () => {
  const markup = `<img src=x onerror="document.title='taken'"><script>alert(1)</script>`;
  await using opened = await setup();
  const { page, fake } = opened;
  const { configuration } = fake.samples;
  const document = { gateway: { [markup]: markup }, [markup]: [markup] };
  const { version } = addVersion(configuration, document, { comment: markup, changedBy: markup });
  configuration.rollout = [{ service: markup, version, since: Date.now(), refused: null }];
  fake.send("configuration", { version });
  await page.locator(".version-comment").getByText(markup).waitFor();
  await page.locator(".settings").getByText(markup).first().waitFor();
  await page.getByRole("link", { name: "Version 4" }).click();
  await page.locator(".version-detail .differences").getByText(markup).first().waitFor();
  await button(page, "Change…").click();
  await field(page).fill(JSON.stringify({ [markup]: 1 }));
  await page.locator(".preview").getByText(markup).first().waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.equal(await page.title(), "Configuration · Edgepass");
  assert.deepEqual(opened.complaints(), []);
});
