import assert from "node:assert/strict";
import { createPage } from "./mod.ts";

const page = createPage();

async function serve(path: string, init?: RequestInit): Promise<Response | undefined> {
  return (await page).serve(new Request(`http://127.0.0.1:8788${path}`, init));
}

const files = {
  "/": "text/html; charset=utf-8",
  "/assets/app.js": "text/javascript; charset=utf-8",
  "/assets/app.css": "text/css; charset=utf-8",
  "/assets/icon.svg": "image/svg+xml",
} as const;

for (const [path, type] of Object.entries(files)) {
  Deno.test(`${path} is served with its type, uncached, under the page's policy`, async () => {
    const response = await serve(path);
    assert.equal(response?.status, 200);
    assert.equal(response.headers.get("content-type"), type);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.ok((await response.text()).length > 100);
    const head = await serve(path, { method: "HEAD" });
    assert.equal(await head?.text(), "");
    assert.equal((await serve(path, { method: "POST" }))?.status, 405);
  });
}

for (const path of ["/api/state", "/assets/", "/assets/app.js.map", "/index.html", "/v1/traces"]) {
  Deno.test(`${path} is not served by the page`, async () => {
    assert.equal(await serve(path), undefined);
  });
}

Deno.test("the document has nothing inline, and refers only to files of its own origin", async () => {
  const html = await (await serve("/"))?.text() ?? "";
  const scripts = [...html.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)];
  assert.deepEqual(scripts.map(([, , body]) => body), [""]);
  assert.doesNotMatch(html, /https?:|<style|style=|\son\w+=/);
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = ""]) => file);
  assert.deepEqual(named.toSorted(), Object.keys(files).filter((path) => path !== "/").toSorted());
});

Deno.test("the page is small, and makes no markup from texts", async () => {
  const script = await (await serve("/assets/app.js"))?.text() ?? "";
  const styles = await (await serve("/assets/app.css"))?.text() ?? "";
  const packed = new Blob([script, styles]).stream().pipeThrough(new CompressionStream("gzip"));
  assert.ok((await new Response(packed).bytes()).length < 60_000);
  // The remaining ones are Preact's own, which only the page's source could use.
  for (const entry of await listSources(new URL(".", import.meta.url))) {
    const source = await Deno.readTextFile(entry);
    assert.doesNotMatch(source, /dangerouslySet|(?:inner|outer)HTML|insertAdjacent|\beval\(/);
    assert.doesNotMatch(source, /\bstyle=/, `${entry} has a style in its markup`);
  }
});

async function listSources(folder: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await listSources(new URL(`${name}/`, folder)));
    else if (name.endsWith(".tsx") || (name.endsWith(".ts") && !name.endsWith("_test.ts"))) {
      found.push(new URL(name, folder));
    }
  }
  return found;
}
