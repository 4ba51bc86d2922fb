import assert from "node:assert/strict";
import { projectRoot } from "./support/markdown.ts";
import { services as existing } from "../app/services.ts";
import { copyTree, run, succeed } from "./support/tree_copy.ts";

/** A name that is free, so that the gate is green in a tree that has the service of the README. */
const plural = ["notes", "memos"].find((name) => !existing.includes(name)) ?? "";

/** A text about notes, with the name that is free. */
function named(text: string): string {
  return text.replaceAll("notes", plural).replaceAll("NOTES", plural.toUpperCase())
    .replaceAll("note.", `${plural.slice(0, -1)}.`);
}

/** What its author may edit beside the folder is one line; tests compare what tasks write. */
const writtenByTasks =
  /(^|\/)generated\/|(^|\/)wrangler(\.split)?\.toml$|^(deno|tsconfig|docs\/openapi)\.json$|^docs\/(configuration|deploy|events)\.md$/;

/** What the suite of all placements asks of the new service, on Deno and in workerd. */
const placements = `
import assert from "node:assert/strict";
import { targets } from "./tests/targets.ts";
for (const name of ["Deno, all in one", "workerd, all in one"] as const) {
  await using target = await targets[name]();
  const token = async (email: string) => {
    const password = "a sentence that only I would think of";
    const headers = { "content-type": "application/json" };
    const send = (path: string, body: object) =>
      target.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const created = await send("/auth/signup", { email, password, name: "Ann" });
    assert.equal(created.status, 201, await created.text());
    const response = await send("/auth/token", { grantType: "password", email, password });
    return (await response.json()).data.accessToken;
  };
  const [ann, bob] = [await token("ann@example.com"), await token("bob@example.com")];
  const call = async (as: string | undefined, method: string, path: string, body?: object) => {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (as !== undefined) headers.authorization = \`Bearer \${as}\`;
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await target.fetch(path, init);
    const text = await response.text();
    return { status: response.status, data: text === "" ? undefined : JSON.parse(text).data };
  };
  assert.equal((await call(undefined, "GET", "/notes")).status, 401, name);
  const { status, data: { id } } = await call(ann, "POST", "/notes", { title: "Knots", text: "Bowline" });
  assert.equal(status, 201, name);
  assert.deepEqual((await call(ann, "GET", "/notes")).data.items.map((one: { id: string }) => one.id), [id]);
  assert.equal((await call(ann, "PATCH", \`/notes/\${id}\`, { title: "Splices" })).data.title, "Splices");
  for (const method of ["GET", "DELETE"]) {
    assert.equal((await call(bob, method, \`/notes/\${id}\`)).status, 404, name);
  }
  assert.deepEqual((await call(bob, "GET", "/notes")).data.items, []);
  const exported = (await call(ann, "GET", "/users/me/export")).data;
  assert.deepEqual(exported.notes.notes.map((one: { id: string }) => one.id), [id], name);
  assert.equal((await call(ann, "DELETE", \`/notes/\${id}\`)).status, 204, name);
  assert.equal((await call(ann, "GET", \`/notes/\${id}\`)).status, 404, name);
}
Deno.exit(0);
`;

Deno.test("`deno task new service notes` makes a service that all placements serve at once", async () => {
  await using copy = await copyTree();
  const { folder } = copy;
  const service = `services/${plural}`;
  const before = await readTexts(folder);
  const output = await succeed(folder, "task", "--quiet", "new", "service", plural);
  assert.doesNotMatch(output, /closed accounts/);
  const services = await Deno.readTextFile(`${folder}/app/services.ts`);
  assert.ok(services.endsWith(`\n  "${plural}",\n];\n`), services);
  const edited = [...await readTexts(folder)]
    .filter(([path, text]) => before.get(path) !== text && !path.startsWith(`${service}/`))
    .map(([path]) => path).filter((path) => !writtenByTasks.test(path));
  assert.deepEqual(edited, ["app/services.ts"]);
  await succeed(folder, "fmt", "--check", "--quiet", service, "app", "dev/workspace");
  await succeed(folder, "lint", "--quiet", service);
  await succeed(folder, "check", "--quiet", service, "app/deno.ts", "dev/run/main.ts");
  await succeed(folder, "test", "-A", "--quiet", "--no-check", service);
  const lists = [
    "configuration_docs",
    "deploy_docs",
    "docs_tables",
    "generate",
    "migrate",
    "openapi",
  ]
    .concat("service_source", "wrangler_files").map((name) => `tests/${name}_test.ts`);
  await succeed(
    folder,
    ...["test", "-A", "--quiet", "--no-check", ...lists, "dev/workspace/environment_test.ts"],
  );
  await succeed(
    folder,
    ...["test", "-A", "--quiet", "--no-check", "--filter=/Deno, all in one/"],
    ...["tests/guarded_routes_test.ts", "tests/export_test.ts"],
  );
  const { paths } = JSON.parse(await Deno.readTextFile(`${folder}/docs/openapi.json`));
  assert.deepEqual(Object.keys(paths[`/${plural}`]), ["get", "post"]);
  const parts: [string, string][] = [
    ["wrangler.toml", "NOTES_DB"],
    ["wrangler.split.toml", 'binding = "NOTES"'],
    ["services/enrollment/wrangler.toml", 'binding = "NOTES"'],
    ["services/notes/wrangler.toml", 'name = "edgepass-notes"'],
    ["dev/workspace/generated/services.ts", "NOTES_DB"],
    ["services/contracts/generated/events.ts", "note.created"],
    ["docs/events.md", "`note.deleted`"],
    ["docs/deploy.md", "`NOTES_DB`"],
    ["docs/deploy.md", "`services/notes/wrangler.toml`"],
    ["docs/configuration.md", "`services.notes.logLevel`"],
  ];
  for (const [path, text] of parts) {
    const written = await Deno.readTextFile(`${folder}/${named(path)}`);
    assert.ok(written.includes(named(text)), `${path}: ${text}`);
  }
  await Deno.writeTextFile(`${folder}/placements.ts`, named(placements));
  await succeed(folder, "run", "--allow-all", "--no-check", "placements.ts");
});

async function readTexts(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(`${folder}/${path}`)) {
      if (isDirectory) await visit(`${path}${name}/`);
      if (isFile) texts.set(path + name, await Deno.readTextFile(`${folder}/${path}${name}`));
    }
  };
  await visit("");
  return texts;
}

Deno.test("`deno task new service` leaves nothing behind when its last step fails", async () => {
  await using copy = await copyTree();
  const { folder } = copy;
  await Deno.writeTextFile(`${folder}/tests/openapi.ts`, 'throw new Error("no document");');
  const before = await readTexts(folder);
  const { success, errors } = await run(folder, Deno.execPath(), [
    ...["task", "--quiet", "new", "service", plural],
  ]);
  assert.ok(!success);
  assert.match(
    errors,
    /^Cannot run deno task --quiet openapi, so nothing was created: .*no document/s,
  );
  const after = await readTexts(folder);
  assert.deepEqual([...after.keys()].toSorted(), [...before.keys()].toSorted());
  assert.deepEqual([...after].filter(([path, text]) => before.get(path) !== text), []);
});

const oneWord =
  "a name is one word of 2 to 24 lower-case letters, since paths, settings, tables and imports have it";

/** Arguments → the one line about them. */
const refused = {
  "a name in capitals": [
    "Notes",
    `Cannot create the service "Notes": ${oneWord}`,
  ],
  "a name of two words": ["order-items", `Cannot create the service "order-items": ${oneWord}`],
  "a name that is in use": [
    "course",
    'Cannot create the service "course": there is a service of this name',
  ],
  "a reserved name": [
    "login",
    'Cannot create the service "login": the name is reserved for the platform',
  ],
  "a setting's name": [
    "issuer",
    'Cannot create the service "issuer": ISSUER is a setting already',
  ],
  "a word of TypeScript": [
    "class",
    'Cannot create the service "class": the name is a word of TypeScript or of generated code',
  ],
  "a word of SQL": ["order", 'Cannot create the service "order": the name is a word of SQL'],
  "a word of TypeScript in the plural": [
    "news",
    'Cannot create the service "news": "new" has another meaning in the service\'s sources',
  ],
  "a name that its own sources use": [
    "items",
    'Cannot create the service "items": "items" has another meaning in the service\'s sources',
  ],
  "a name whose type its own sources use": [
    "dates",
    'Cannot create the service "dates": "Date" has another meaning in the service\'s sources',
  ],
  "the prefix of another service": [
    "courses",
    'Cannot create the service "courses": /courses belongs to another service',
  ],
} as const;
for (const [what, [name, line]] of Object.entries(refused)) {
  Deno.test(`\`deno task new service\` refuses ${what} in one line`, async () => {
    const args = ["run", "--allow-all", "app/generate/new_service.ts", "service", name];
    const { success, errors } = await run(projectRoot, Deno.execPath(), args);
    assert.ok(!success);
    assert.equal(errors.trim(), line);
  });
}

Deno.test("`deno task new service` makes services without events and without database, side by side", async (t) => {
  await using copy = await copyTree();
  const { folder } = copy;
  const names = { ping: "events", pong: "database" } as const;
  for (const [name, option] of Object.entries(names)) {
    await t.step(`--${option} none`, async () => {
      const args = ["new", "service", name, `--${option}`, "none"];
      const output = await succeed(folder, "task", "--quiet", ...args);
      const service = await Deno.readTextFile(`${folder}/services/${name}/service.ts`);
      // With a database and without events, personal data outlives its account: both places say so.
      assert.equal(/rows stay until you delete them/.test(output), option === "events");
      assert.equal(/receives no event of a closed account/.test(service), option === "events");
      if (option === "events") {
        await succeed(folder, "test", "-A", "--quiet", "--no-check", `services/${name}`);
      }
      const routes = await Deno.readTextFile(`${folder}/app/generated/routes.ts`);
      assert.ok(routes.includes(`"/${name}"`));
      const wrangler = await Deno.readTextFile(`${folder}/wrangler.toml`);
      assert.equal(wrangler.includes(`${name.toUpperCase()}_DB`), option === "events");
      const sources = await Array.fromAsync(Deno.readDir(`${folder}/services/${name}`));
      assert.ok(!sources.some(({ name }) => name === "events.ts"));
    });
  }
  const entries = ["app/deno.ts", "dev/run/main.ts"];
  await succeed(folder, "check", "--quiet", "services/ping", "services/pong", ...entries);
  await succeed(folder, "test", "-A", "--quiet", "--no-check", "tests/generate_test.ts");
  for (const name of Object.keys(names)) await assertContradiction(folder, name);
});

/** A declaration that contradicts itself is the same line in the check and at the start. */
async function assertContradiction(folder: string, name: string): Promise<void> {
  const path = `services/${name}/service.ts`;
  const service = await Deno.readTextFile(`${folder}/${path}`);
  const calling = service.replace(`name: "${name}",`, `name: "${name}",\n  calls: ["nobody"],`);
  await Deno.writeTextFile(`${folder}/${path}`, calling);
  for (const program of ["app/generate/check_task.ts", `services/${name}/deno.ts`]) {
    const args = ["run", "--allow-all", "--no-check", program];
    const { success, errors } = await run(folder, Deno.execPath(), args);
    assert.ok(!success, program);
    const line = `${path}: calls: there is no service "nobody"`;
    assert.ok(errors.trim().split("\n").at(-1)?.includes(line), `${program}: ${errors}`);
  }
  await Deno.writeTextFile(`${folder}/${path}`, service);
}
