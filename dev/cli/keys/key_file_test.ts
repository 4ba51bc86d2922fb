import assert from "node:assert/strict";
import { makeAccessTokenKeys, makePassportKeys } from "@edgepass/shared/crypto";
import { updateKeyFile } from "./key_file.ts";

const makers = { passport: makePassportKeys, access: makeAccessTokenKeys } as const;

for (const kind of ["passport", "access"] as const) {
  Deno.test(`a file of ${kind} keys gets a next key, and the current states`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/keys.json`;
      const read = () => {
        const text = JSON.parse(Deno.readTextFileSync(path));
        return (kind === "access" ? text.keys : text) as { kid: string; state: string }[];
      };
      await Deno.writeTextFile(path, await makers[kind]());
      const [first, second] = read().map(({ kid }) => kid);
      assert.ok(first && second);
      assert.equal(await updateKeyFile(path, kind, {}), second, "there is one already");
      const third = await updateKeyFile(path, kind, { [first]: "retired", [second]: "signing" });
      assert.deepEqual(read().map(({ kid, state }) => [kid, state]), [
        [first, "retired"],
        [second, "signing"],
        [third, "published"],
      ]);
      const fourth = await updateKeyFile(path, kind, {
        [first]: "revoked",
        [second]: "retired",
        [third]: "signing",
      });
      assert.deepEqual(read().map(({ kid }) => kid), [second, third, fourth]);
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
