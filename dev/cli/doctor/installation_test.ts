import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkDeno, checkPackages, checkTools } from "./installation.ts";
import { temporaryWorkspace } from "../../../tests/support/dev_system.ts";

/** A working copy with `hono`, which needs `leaf`, and a package for other machines alone. */
async function setup() {
  const root = `${await Deno.makeTempDir({ prefix: "edgepass-doctor-" })}/`;
  const modules = `${root}node_modules/`;
  const write = (path: string, value: unknown) =>
    Deno.writeTextFile(root + path, JSON.stringify(value));
  for (const id of ["hono@4.1.0", "@a+leaf@1.0.0"]) {
    await Deno.mkdir(`${modules}.deno/${id}`, { recursive: true });
  }
  await Deno.mkdir(`${modules}hono`);
  await write("deno.json", { imports: { hono: "npm:hono@4.1.0" } });
  await write("deno.lock", {
    specifiers: { "npm:hono@4.1.0": "4.1.0_zod@4.0.0" },
    npm: {
      "hono@4.1.0_zod@4.0.0": { dependencies: ["@a/leaf"], optionalDependencies: ["far"] },
      "@a/leaf@1.0.0": {},
      "far@2.0.0": { dependencies: ["further"] },
      "further@2.0.0": {},
    },
  });
  await write("node_modules/hono/package.json", { version: "4.1.0" });
  return {
    root,
    write,
    look: () => checkPackages(createDoctorContext(), createEffects({ root })),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("packages that are installed as pinned pass", async () => {
  await using copy = await setup();
  assert.deepEqual(allWell(await copy.look()), ["installed as pinned: 1, and what they need"]);
});

Deno.test("the packages of this working copy pass", async () => {
  assert.equal(allWell(await checkPackages(createDoctorContext(), createEffects())).length, 1);
});

Deno.test("a package with another version than its pin is reported with both", async () => {
  await using copy = await setup();
  await copy.write("node_modules/hono/package.json", { version: "4.0.9" });
  assert.equal(
    troubleOf(await copy.look()),
    "fail: hono 4.0.9 is installed, deno.json pins 4.1.0 → deno install",
  );
});

Deno.test("a missing package is reported", async () => {
  await using copy = await setup();
  await Deno.remove(`${copy.root}node_modules`, { recursive: true });
  assert.equal(troubleOf(await copy.look()), "fail: hono is not installed → deno install");
});

Deno.test("a dependency with another version than the lock file's is reported", async () => {
  await using copy = await setup();
  await Deno.rename(
    `${copy.root}node_modules/.deno/@a+leaf@1.0.0`,
    `${copy.root}node_modules/.deno/@a+leaf@0.9.0`,
  );
  assert.equal(
    troubleOf(await copy.look()),
    "fail: not installed as deno.lock pins: @a/leaf@1.0.0 → deno install",
  );
});

Deno.test("an invalid lock file is reported", async () => {
  await using copy = await setup();
  await Deno.writeTextFile(`${copy.root}deno.lock`, "<<<<<<< HEAD");
  assert.equal(
    troubleOf(await copy.look()),
    "fail: deno.lock is missing or damaged → git checkout deno.lock",
  );
});

Deno.test("an old Deno is reported with the oldest supported version", () => {
  const found = checkDeno(createDoctorContext(), createEffects({ denoVersion: "2.8.3" }));
  assert.equal(
    troubleOf(found),
    "fail: Deno 2.8.3 is too old; 2.9 or newer is needed → deno upgrade",
  );
});

Deno.test("each Deno version that CI tests passes", () => {
  for (const denoVersion of ["2.9.5", "2.9.6"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.deepEqual(allWell(found), [`Deno ${denoVersion}`]);
  }
});

Deno.test("an untested Deno version is reported with the tested ones", () => {
  for (const denoVersion of ["2.9.4", "2.9.7", "3.0.0"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.equal(
      troubleOf(found),
      `warn: Deno ${denoVersion} is none of those that the tests run on: 2.9.5, 2.9.6 → deno upgrade 2.9.6`,
    );
  }
});

Deno.test("a missing test tool is reported and never a failure", async () => {
  await using folder = await temporaryWorkspace();
  const look = () => allWell(checkTools(createDoctorContext({ variables: { PATH: folder.path } })));
  assert.deepEqual(look(), [
    "no redis-server: the suites against a real Redis are left out",
    "no chromium: the tests of the page are left out",
  ]);
  for (const name of ["redis-server", "google-chrome"]) {
    await Deno.writeTextFile(`${folder.path}/${name}`, "");
  }
  assert.deepEqual(look(), [
    "redis-server is there for tests",
    "google-chrome is there for tests",
  ]);
});
