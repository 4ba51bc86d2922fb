import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkPackages } from "./packages.ts";

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
