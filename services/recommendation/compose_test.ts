import assert from "node:assert/strict";
import { ConfigError } from "@edgepass/shared/configuration";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import { createPassports } from "../../tests/support/passports.ts";
import { openDatabase } from "../../tests/support/services.ts";
import recommendation from "./service.ts";

const key = encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
const url = "http://127.0.0.1:9";

async function setup() {
  const database = await openDatabase("recommendation");
  const { bindings } = createPassports();
  return {
    compose: (settings: Record<string, unknown>) =>
      recommendation.compose({ ...bindings, RECOMMENDATION_DB: database, ...settings }),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

const refused = {
  "no database": [{ RECOMMENDATION_DB: "" }, "RECOMMENDATION_DB is missing"],
  "a recommender without a key": [{ RECOMMENDER_URL: url }, "RECOMMENDER_KEY is missing"],
  "a weak key": [{ RECOMMENDER_URL: url, RECOMMENDER_KEY: "hidden" }, "RECOMMENDER_KEY"],
  "a recommender at a path": [
    { RECOMMENDER_URL: `${url}/hidden`, RECOMMENDER_KEY: key },
    "RECOMMENDER_URL",
  ],
  "half a Redis": [{ UPSTASH_REDIS_REST_URL: url }, "UPSTASH_REDIS_REST_TOKEN is missing"],
} as const;
for (const [what, [settings, message]] of Object.entries(refused)) {
  Deno.test(`recommendation does not start with ${what}, and names it`, async () => {
    using platform = await setup();
    assert.throws(
      () => platform.compose(settings),
      (error) =>
        error instanceof ConfigError && error.message.includes(message) &&
        !error.message.includes("hidden"),
    );
  });
}

Deno.test("recommendation starts without recommender and Redis, and is ready", async () => {
  using platform = await setup();
  platform.compose({ RECOMMENDER_URL: url, RECOMMENDER_KEY: key });
  const service = platform.compose({});
  const response = await service.fetch(new Request("http://service.test/readyz"));
  assert.equal(response.status, 200);
  await response.body?.cancel();
  await service.maintain?.();
});
