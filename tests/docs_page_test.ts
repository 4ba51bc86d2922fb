import assert from "node:assert/strict";
import { compose } from "@edgepass/app/compose";
import { services as names } from "../app/services.ts";
import { docsFiles as files, type ReadDocsFile } from "@edgepass/gateway";
import { docsFiles } from "../app/docs_deno.ts";
import { docsAssets } from "../app/docs_workerd.ts";
import { createSettings, publicOrigin } from "./settings.ts";

/** A gateway whose services get no request. */
async function setup({ docs }: { docs: ReadDocsFile | undefined } = { docs: docsFiles }) {
  const redis = { url: "http://127.0.0.1:9", token: crypto.randomUUID() };
  const services = Object.fromEntries(names.map((name) => [name.toUpperCase(), redis.url]));
  const gateway = await compose({ ...await createSettings(redis), ...services }, {}, { docs });
  return async (path: string, init?: RequestInit) =>
    await gateway.fetch(new Request(publicOrigin + path, init));
}

Deno.test("the docs page loads files of its own origin only and runs nothing inline", async () => {
  const get = await setup();
  const response = await get("/docs");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  const html = await response.text();
  const scripts = [...html.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)];
  assert.ok(scripts.length > 0 && scripts.every(([, , body]) => body === ""));
  assert.doesNotMatch(html, /https?:|<style|style=|\son\w+=/);
  const loaded = [...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, file = ""]) => file);
  assert.equal(loaded.length, 3);
  for (const file of loaded) {
    const served = await get(file);
    assert.equal(served.status, 200, file);
    assert.ok((await served.arrayBuffer()).byteLength > 0);
  }
});

Deno.test("the docs page calls no validator", async () => {
  const get = await setup();
  const script = await (await get("/docs/start.js")).text();
  assert.match(script, /url: "\/openapi\.json"/);
  assert.match(script, /validatorUrl: null/);
  assert.doesNotMatch(script, /https?:/);
});

Deno.test("the files of the docs page come with type, caching and nosniff", async () => {
  const get = await setup();
  for (const [name, type] of Object.entries(files)) {
    const response = await get(`/docs/${name}`);
    await response.body?.cancel();
    assert.equal(response.status, 200, name);
    assert.equal(response.headers.get("content-type"), type);
    assert.equal(response.headers.get("cache-control"), "public, max-age=3600");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("set-cookie"), null);
  }
});

const refused = {
  "a file of the package that the page does not use": ["GET", "/docs/swagger-ui.js", 404],
  "a file above the package": ["GET", "/docs/..%2Fpackage.json", 400],
  "a member of Object.prototype": ["GET", "/docs/constructor", 404],
  "a deeper path": ["GET", "/docs/a/b", 404],
  "another method": ["POST", "/docs", 405],
  "another method on a file": ["DELETE", "/docs/swagger-ui.css", 405],
} as const;
for (const [what, [method, path, status]] of Object.entries(refused)) {
  Deno.test(`the docs page refuses ${what}`, async () => {
    const fetched: string[] = [];
    const get = await setup({
      docs: (file) => {
        fetched.push(file);
        return Promise.resolve(new Response(""));
      },
    });
    const response = await get(path, { method });
    assert.equal(response.status, status);
    assert.equal((await response.json()).success, false);
    assert.deepEqual(fetched, []);
  });
}

Deno.test("without its files there is no docs page", async () => {
  const get = await setup({ docs: docsAssets({}) });
  assert.equal((await get("/docs")).status, 404);
});

Deno.test("on Workers the files come from the binding ASSETS, without its headers", async () => {
  const fetched: string[] = [];
  const ASSETS = {
    fetch(request: Request) {
      fetched.push(new URL(request.url).pathname);
      const headers = { "set-cookie": "a=1", "content-type": "text/html" };
      return new Response("body {}", { headers });
    },
  };
  const get = await setup({ docs: docsAssets({ ASSETS }) });
  const response = await get("/docs/swagger-ui.css");
  assert.equal(await response.text(), "body {}");
  assert.equal(response.headers.get("content-type"), "text/css; charset=utf-8");
  assert.equal(response.headers.get("set-cookie"), null);
  assert.deepEqual(fetched, ["/swagger-ui.css"]);
});

Deno.test("a file missing in the binding ASSETS is not found", async () => {
  const ASSETS = { fetch: () => new Response("no", { status: 404 }) };
  const get = await setup({ docs: docsAssets({ ASSETS }) });
  assert.equal((await get("/docs/swagger-ui.css")).status, 404);
});
