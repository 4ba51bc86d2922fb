import assert from "node:assert/strict";
import { createConfigurationPage } from "./configuration_docs.ts";
import { readProjectFile } from "./support/markdown.ts";

/** Formatting wraps prose and pads tables. */
const inForm = (text: string): string => text.replaceAll(/-{2,}/g, "--").replaceAll(/\s+/g, " ");

Deno.test("docs/configuration.md is generated from the schemas", async () => {
  const written = await readProjectFile("docs/configuration.md");
  assert.equal(inForm(written), inForm(createConfigurationPage()));
});

Deno.test("every setting of docs/configuration.md has a description", async () => {
  const text = await readProjectFile("docs/configuration.md");
  const rows = [...text.matchAll(/^\| `([^`]+)`\s*\|(.+)\|(.+)\|(.*)\|$/gm)]
    .filter(([, path = ""]) => /^[a-z]/.test(path));
  assert.ok(rows.length > 30);
  for (const [, path = "", value = "", , meaning = ""] of rows) {
    assert.ok(value.trim() !== "" && meaning.trim() !== "", path);
  }
});
