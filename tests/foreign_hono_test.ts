import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as older from "hono-older";
import * as olderHttpException from "hono-older/http-exception";
import * as own from "hono";
import { createTestHarness } from "wrangler";
import { type HonoCopy, runStarterCases, starterCases, toHonoCopy } from "./suite/starter_cases.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * A second copy of the exact version that the service runtime uses, as two installations would have
 * it.
 */
async function copyHono(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await copyFolder(await Deno.realPath(`${root}node_modules/hono`), folder);
  return {
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function importCopy(folder: string): Promise<HonoCopy> {
  const load = (file: string) => import(pathToFileURL(`${folder}/dist/${file}`).href);
  return toHonoCopy(await load("index.js"), await load("http-exception.js"));
}

/** Deno's folder of a package version other than the default one. */
async function findOlder(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const [, pin] = String(imports["hono-older"]).split("npm:");
  return await Deno.realPath(`${root}node_modules/.deno/${pin}/node_modules/hono`);
}

async function runOnWorkerd(folder: string): ReturnType<typeof runStarterCases> {
  const harness = createTestHarness({
    root,
    workers: [{
      config: {
        name: "starter",
        main: "tests/suite/starter_worker.ts",
        compatibility_date: "2026-10-01",
        compatibility_flags: ["nodejs_compat"],
        alias: {
          "hono-older": `${folder}/dist/index.js`,
          "hono-older/http-exception": `${folder}/dist/http-exception.js`,
        },
      },
    }],
  });
  try {
    await harness.listen();
    const response = await harness.fetch("/");
    assert.equal(response.status, 200);
    return await response.json() as Record<string, string | null>;
  } finally {
    await harness.close();
  }
}

const olderCopy = toHonoCopy(older, olderHttpException);
const runs = {
  "an older Hono on deno": () => runStarterCases(olderCopy),
  "a second copy of Hono on deno": async () => {
    await using second = await copyHono();
    return await runStarterCases(await importCopy(second.folder));
  },
  "an older Hono on workerd": async () => await runOnWorkerd(await findOlder()),
  "a second copy of Hono on workerd": async () => {
    await using second = await copyHono();
    return await runOnWorkerd(second.folder);
  },
};

Deno.test("the copies differ from our own Hono", async () => {
  await using second = await copyHono();
  const secondCopy = await importCopy(second.folder);
  const classes = new Set<unknown>([own.Hono, secondCopy.Hono, olderCopy.Hono]);
  assert.equal(classes.size, 3);
});

for (const [where, run] of Object.entries(runs)) {
  Deno.test(`the service runtime in an application with ${where}`, async (t) => {
    const results = await run();
    const names = starterCases(olderCopy).map(({ name }) => name);
    assert.deepEqual(Object.keys(results), names);
    for (const name of names) {
      await t.step(name, () => assert.equal(results[name], null));
    }
  });
}

/** An application as docs/passport/guide.md has it, with the copy that `specifier` names. */
const application = (specifier: string, types = "") =>
  `${types}
import { Hono } from ${JSON.stringify(specifier)};
import * as edgepass from "@edgepass/shared/http";

const { asAttachment, createServiceRuntime, markFallback, requirePassport } = edgepass;
const admit = requirePassport({ name: "reports", runtime: createServiceRuntime({}) });
export const app = new Hono<edgepass.PassportEnv>().use(admit).get("/:id", admit, (c) => {
  markFallback(c, { source: "default" });
  asAttachment(c, "report");
  // @ts-expect-error: the claims have types.
  c.var.passport.unknown;
  return c.json({ of: c.var.passport.sub, id: c.req.param("id") });
});
`;

/** In declarations outside of node_modules, Deno resolves no `.js` to its `.d.ts`. */
async function nameDeclarations(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await nameDeclarations(path);
    else {
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, text.replace(/(["'])(\.[^"']*)\.js\1/g, "$1$2.d.ts$1"));
    }
  }
}

Deno.test("an application with an older Hono, and one with a second copy, type-check", async () => {
  await using second = await copyHono();
  const types = `${second.folder}/dist/types`;
  await nameDeclarations(types);
  const applications = {
    older: application("hono-older"),
    second: application(`${second.folder}/dist/index.js`, `// @ts-types="${types}/index.d.ts"`),
  };
  const files = Object.keys(applications).map((name) => `${second.folder}/${name}.ts`);
  for (const [name, text] of Object.entries(applications)) {
    await Deno.writeTextFile(`${second.folder}/${name}.ts`, text);
  }
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--config", `${root}deno.json`, ...files],
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
