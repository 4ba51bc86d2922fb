import assert from "node:assert/strict";
import fc from "fast-check";
import { toEnvFile } from "./env_file.ts";
import { StartError } from "./start.ts";

/** Parses a dotenv text with Deno's own reader. */
async function readByDeno(text: string): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/.env`, text);
    await Deno.writeTextFile(
      `${folder}/show.ts`,
      "console.log(JSON.stringify(Deno.env.toObject()))",
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-env", `--env-file=${folder}/.env`, `${folder}/show.ts`],
      env: { HOME: folder, DENO_DIR: folder },
      clearEnv: true,
    }).output();
    assert.equal(new TextDecoder().decode(stderr).replace(/.*Check.*/, "").trim(), "");
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Deno reads back every value of an env file unchanged", async () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    "\\",
    "$HOME",
    "${A}",
    "#",
    " ",
    "=",
    "\n",
    "\\n",
    "{}",
    "ä",
    "x",
  );
  const values = fc.sample(
    fc.oneof(fc.string({ unit: pieces }), fc.string({ unit: "grapheme" }), fc.json())
      .filter((value) => !value.includes("`") && !/[\0\r]/.test(value) && value.isWellFormed()),
    300,
  );
  const settings = Object.fromEntries(values.map((value, at) => [`VALUE_${at}`, value]));
  const read = await readByDeno(toEnvFile(settings));
  for (const [name, value] of Object.entries(settings)) assert.equal(read[name], value, name);
});

Deno.test("values are single-quoted unless they have a single quote", () => {
  assert.equal(toEnvFile({ A: `{"a":1}`, B: "", C: "it's" }), `A='{"a":1}'\nB=''\nC=\`it's\`\n`);
});

for (const value of ["it's `both`", "a\0b"]) {
  Deno.test(`a value that dotenv cannot hold is refused by name: ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => toEnvFile({ FINE: "x", ADMIN_PASSWORD: value }),
      (error) =>
        error instanceof StartError && /ADMIN_PASSWORD/.test(error.message) &&
        !error.message.includes(value),
    );
  });
}
