import assert from "node:assert/strict";
import { projectRoot } from "./markdown.ts";

/** A copy of the tree, without what is built or stored; its packages are this tree's. */
export async function copyTree(): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const listed = await run(projectRoot, "git", ["ls-files", "-z", "-co", "--exclude-standard"]);
  for (const path of new Set(listed.output.split("\0").filter((one) => one !== ""))) {
    const from = `${projectRoot}${path}`;
    if (!await Deno.stat(from).then(({ isFile }) => isFile, () => false)) continue;
    const to = `${folder}/${path}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(from, to);
  }
  await Deno.symlink(`${projectRoot}node_modules`, `${folder}/node_modules`);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Runs a program to its end. */
export async function run(cwd: string, command: string, args: string[]) {
  // The Workers that a run of all tests has built are this tree's.
  const env = { EDGEPASS_TEST_RUN: "" };
  const { success, stdout, stderr } = await new Deno.Command(command, { cwd, args, env }).output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, output: output ?? "", errors: errors ?? "" };
}

/** Runs Deno in a copy, and shows what it wrote where it failed. */
export async function succeed(folder: string, ...args: string[]): Promise<string> {
  const { success, output, errors } = await run(folder, Deno.execPath(), args);
  assert.ok(success, `deno ${args.join(" ")}\n${output}${errors}`);
  return output;
}
