import assert from "node:assert/strict";
import { eventing } from "@edgepass/shared/events";
import {
  createApi,
  createDefineService,
  createRoute,
  type ServiceDescription,
} from "@edgepass/shared/http";
import { defaultPolicies } from "@edgepass/shared/resilience";
import { DeclarationError, type Described } from "../app/generate/describe.ts";
import { writeWranglerFiles } from "../app/generate/wrangler.ts";
import { createPassports } from "./support/passports.ts";
import { readProjectFile } from "./support/markdown.ts";

const define = createDefineService({ events: {}, eventing, policies: defaultPolicies });

async function declare(name: string): Promise<Described> {
  const responses = { 204: { description: "Nothing" } };
  const route = createRoute({ path: "/", method: "get", responses, access: "public" });
  const service = define({
    name,
    description: "",
    create: () => ({
      routes: { [`/${name}`]: createApi().openapi(route, (c) => c.body(null, 204)) },
    }),
  });
  const description: ServiceDescription = service.describe(await createPassports().bindings);
  return { folder: name, service, calls: service.calls, publishes: [], ...description };
}

const services = await Promise.all(["notes", "lists"].map(declare));

/** One Wrangler file, written again over the present one. */
function rewrite(present = "", path = "wrangler.toml", declared = services): string {
  const files = writeWranglerFiles(declared, (one) => one === path ? present : undefined);
  return files[path] ?? "";
}

const fresh = rewrite();

/** The fresh file with lines of it replaced. */
function edit(changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((text, [line, other]) => {
    assert.ok(text.includes(`${line}\n`), line);
    return text.replace(`${line}\n`, () => `${other}\n`);
  }, fresh);
}

/** What is edited stays where it is, and nothing else changes. */
function requireKept(edited: string): void {
  assert.notEqual(edited, fresh);
  assert.equal(rewrite(edited), edited);
}

Deno.test("a fresh Wrangler file is written again as it is", () => {
  assert.equal(rewrite(fresh), fresh);
  assert.equal(rewrite(fresh.replaceAll("\n", "\r\n")), fresh);
});

Deno.test("the guide's own domain stays when the Wrangler file is written again", async () => {
  const guide = await readProjectFile("docs/deploy.md");
  const section = guide.split("### A domain of one's own")[1] ?? "";
  const [, example = ""] = /```toml\n([^]*?)```/.exec(section) ?? [];
  const [top = "", variables = ""] = example.split("\n\n[vars]\n");
  assert.match(top, /^workers_dev = false\nroutes = \[.+\]$/);
  requireKept(edit({
    "workers_dev = true": top,
    'PUBLIC_ORIGIN = ""': variables.trimEnd(),
  }));
});

Deno.test("every form of a value stays, with its comment", () => {
  const values = {
    PUBLIC_ORIGIN: "'https://a.example' # our domain",
    ALLOWED_ORIGINS: '"https://a.example" # "a" and \'b\'',
    ISSUER: '"a \\" # b"',
    AUDIENCE: '"""\na = 1\n[vars]\n"""',
    TRUST_DOMAIN: "'''\n[[x]]'''",
    LEEWAY_SECONDS: "5",
    ISSUERS: "[\n  'a', # one ]\n  { b = \"]\" },\n]",
    ROUTES: "{ a = 1, b = [2] }",
  };
  requireKept(edit(Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${name} = ""`, `${name} = ${value}`]),
  )));
});

Deno.test("values of another environment are not those of the top level", () => {
  const own =
    '\n[env.staging]\nname = "x"\n\n[env.staging.vars]\nPUBLIC_ORIGIN = "https://s.example"\n';
  requireKept(fresh + own);
  assert.ok(rewrite(fresh + own).includes('[vars]\nPUBLIC_ORIGIN = ""\n'));
});

Deno.test("members and tables that are not generated stay", () => {
  requireKept(
    edit({
      "workers_dev = true":
        'workers_dev = true\n# the account of the school\naccount_id = "abc"\npreview_urls = false',
      "enabled = true": "enabled = false\nhead_sampling_rate = 0.1",
      'TRACE_INCOMING = ""': 'TRACE_INCOMING = ""\n# mine\nMY_OWN = "1"',
      'name = "edgepass"': 'name = "school"',
      'migrations_dir = "services/notes/migrations"':
        'migrations_dir = "services/notes/migrations"\npreview_database_id = "p"',
    }) +
      '\n[limits]\ncpu_ms = 50\n\n# by zone\n[[routes]]\npattern = "a.example/*"\n\n[[routes]]\npattern = "b.example/*"\n',
  );
});

Deno.test("ids and names of databases stay", () => {
  const edited = edit({
    "# `wrangler d1 create edgepass-notes` prints the id.":
      "# `wrangler d1 create school-notes` prints the id.",
    'database_name = "edgepass-notes"': 'database_name = "school-notes"',
    'database_id = "00000000-0000-0000-0000-000000000001"': "database_id = 'abc' # Frankfurt",
  });
  requireKept(edited);
});

Deno.test("a binding of the operator replaces the variable of its name", () => {
  const written = rewrite(
    `${fresh}\n[[services]]\nbinding = "NOTES"\nservice = "edgepass-notes"\n`,
  );
  assert.ok(written.includes('binding = "NOTES"\nservice = "edgepass-notes"'));
  assert.doesNotMatch(written, /^NOTES = /m);
  assert.equal(rewrite(written), written);
});

Deno.test("what is generated follows the declarations", () => {
  assert.equal(rewrite(edit({ 'main = "app/workerd_all.ts"': 'main = "old.ts"' })), fresh);
  const split = rewrite("", "wrangler.split.toml");
  const one = services.slice(0, 1);
  assert.equal(rewrite(fresh, "wrangler.toml", one), rewrite("", "wrangler.toml", one));
  assert.equal(rewrite(split, "wrangler.split.toml", one), rewrite("", "wrangler.split.toml", one));
});

/** What is not understood → the line about it. */
const unclear = {
  'name = "a"\nPUBLIC': "the line `PUBLIC` is not understood",
  "name = edgepass": "name: the value is not understood",
  'name = "a" "b"': "name: the value is not understood",
  "routes = [": "routes: the value is not understood",
  "[vars]\nISSUER = 'a": "ISSUER: the value is not understood",
  'name = "a"\nname = "b"': "name: the member stands there twice",
  "[vars]\n[vars]": "vars: the table stands there twice",
  "[limits]\n[limits]": "limits: the table stands there twice",
  'vars.ISSUER = "a"': "vars.ISSUER: write it as the table [vars]",
  'vars = { ISSUER = "a" }': "vars: write it as the table [vars]",
  "[[vars]]": "vars: write it as the table [vars]",
  '[[d1_databases]]\nbinding = "NOTES_DB"\n[[d1_databases]]\nbinding = "NOTES_DB"':
    "d1_databases NOTES_DB: the table stands there twice",
};
for (const [present, line] of Object.entries(unclear)) {
  Deno.test(`a Wrangler file with ${JSON.stringify(present)} is not overwritten`, () => {
    assert.throws(
      () => rewrite(present),
      (error) => error instanceof DeclarationError && error.message === `wrangler.toml: ${line}`,
    );
  });
}
