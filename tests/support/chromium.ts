import assert from "node:assert/strict";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { createPage } from "../../dev/page/mod.ts";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is: `CHROMIUM`, or where packages put it; undefined where there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const path of [Deno.env.get("CHROMIUM"), ...places]) {
    if (path && await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  return undefined;
}

/** Both take seconds to start or to build, so all tests of a file share them. */
const shared: { browser?: Promise<Browser>; dashboard?: ReturnType<typeof createPage> } = {};

Deno.test.afterAll(async () => await (await shared.browser)?.close());

/** The dashboard's page, built once for a test file: it has no state. */
export async function buildDashboard(): ReturnType<typeof createPage> {
  return await (shared.dashboard ??= createPage());
}

async function launch(): Promise<Browser> {
  const executablePath = await findChromium();
  assert.ok(executablePath, "Chromium is not installed");
  return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** A page with storage, cookies and connections of its own. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Console errors, failed requests, and requests to other origins. */
  readonly complaints: readonly string[];
}

/**
 * Opens a page and records console errors, failed requests, and requests to another origin.
 */
export async function openWatched(
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const browser = await (shared.browser ??= launch());
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  const page = await context.newPage();
  // A timeout for what never comes; long, because a busy machine is slow.
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on("pageerror", ({ message }) => complaints.push(`error: ${message}`));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`left for ${request.url()}`);
  });
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "unknown";
    // The page itself aborts requests whose response it no longer needs.
    if (reason !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()}: ${reason}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** The violations that axe-core finds on the current page, one per line. */
export async function findBarriers(page: Page): Promise<string[]> {
  // The page's content security policy would refuse a script element.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResult>("axe.run()");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`)
  );
}
