/**
 * Notes in the folder of a run which test file is under way, so that a run that ends by a signal can
 * name those that it was in. Deno itself reports a file's tests, and nothing of a file that crashed.
 */
const folder = Deno.env.get("EDGEPASS_TEST_RUN");
if (folder) {
  const note = `${folder}/running/${encodeURIComponent(Deno.mainModule)}`;
  Deno.writeTextFileSync(note, "");
  addEventListener("unload", () => Deno.removeSync(note));
}
