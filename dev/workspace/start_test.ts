import assert from "node:assert/strict";

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

/** The modules that run when a file is imported, without those that only types come from. */
async function listLoaded(entry: URL): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry.href],
  }).output();
  const { modules }: { modules: readonly Module[] } = JSON.parse(new TextDecoder().decode(stdout));
  const loaded = new Set([entry.href]);
  for (const found of loaded) {
    const { dependencies = [] } = modules.find(({ specifier }) => specifier === found) ?? {};
    for (const { code } of dependencies) if (code) loaded.add(code.specifier);
  }
  return [...loaded];
}

for (const path of ["../run/main.ts", "../cli/doctor.ts"]) {
  Deno.test(`${path} imports no package before it can report that none is installed`, async () => {
    const entry = new URL(path, import.meta.url);
    const start = new URL("start.ts", import.meta.url);
    assert.deepEqual(await listLoaded(entry), [entry.href, start.href]);
  });
}
