import { Client } from "@upstash/qstash";
import assert from "node:assert/strict";
import { openWorkspace } from "../workspace/workspace.ts";
import { openQstash } from "./endpoints.ts";
import { StartError } from "../workspace/start.ts";

const none = {
  QSTASH_URL: "",
  QSTASH_TOKEN: "",
  QSTASH_CURRENT_SIGNING_KEY: "",
  QSTASH_NEXT_SIGNING_KEY: "",
};
const options = { file: "qstash/dev.sqlite", onError: () => {} };

function createWorkspace() {
  const dir = Deno.makeTempDirSync({ prefix: "qstash-home-" });
  return {
    workspace: openWorkspace(dir),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

Deno.test("the endpoint serves the client and has the same token, port and keys after a restart", async () => {
  using place = createWorkspace();
  const first = await openQstash(place.workspace, none, options);
  const client = new Client({ baseUrl: first.url, token: first.token, devMode: false });
  await client.schedules.create({ destination: "http://a.test/", cron: "0 0 1 1 *" });
  await first.close();
  const second = await openQstash(place.workspace, none, options);
  assert.deepEqual([second.url, second.token, second.keys], [first.url, first.token, first.keys]);
  assert.equal((await client.schedules.list()).length, 1);
  await second.close();
  const left = [...Deno.readDirSync(place.workspace.at("qstash"))].map(({ name }) => name);
  assert.deepEqual(left.sort(), ["dev.sqlite", "dev.sqlite.port"], "no lock, no log");
});

Deno.test("a given QStash is used unchanged", async () => {
  using place = createWorkspace();
  const given = {
    QSTASH_URL: "https://qstash.test",
    QSTASH_TOKEN: "t",
    QSTASH_CURRENT_SIGNING_KEY: "c",
    QSTASH_NEXT_SIGNING_KEY: "n",
  };
  const { url, token, keys } = await openQstash(place.workspace, given, options);
  assert.deepEqual([url, token, keys], ["https://qstash.test", "t", { current: "c", next: "n" }]);
});

Deno.test("data that another process uses stops the start", async () => {
  using place = createWorkspace();
  const first = await openQstash(place.workspace, none, options);
  await assert.rejects(openQstash(place.workspace, none, options), StartError);
  await first.close();
});
