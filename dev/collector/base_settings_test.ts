import { configurationSchema } from "@edgepass/contracts/configuration";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { isObject, objectAt } from "../../tests/support/json.ts";
import { serviceNames } from "../workspace/settings.ts";
import { listBaseSettings } from "./base_settings.ts";

const settings = {
  LOG_LEVEL: "info",
  PASSPORT_TTL_SECONDS: "30",
  ACCESS_TOKEN_TTL_SECONDS: "600",
  REFRESH_TOKEN_TTL_SECONDS: "",
};

/** Paths of the schema with the variable that each overrides. */
function listVariables(schema: unknown, path: string): (readonly [string, string])[] {
  if (!isObject(schema)) return [];
  const own = typeof schema.env === "string" ? [[path, schema.env] as const] : [];
  const below = Object.entries(objectAt(schema, "properties")).flatMap(([name, member]) =>
    listVariables(member, path === "" ? name : `${path}.${name}`)
  );
  return [...own, ...below];
}

Deno.test("every setting with a variable is listed, but for keys, which are secret, and routes", () => {
  const schema = z.toJSONSchema(configurationSchema, { unrepresentable: "any" });
  const expected = listVariables(schema, "").filter(([path]) =>
    !path.startsWith("keys.") && path !== "gateway.routes"
  );
  const listed = listBaseSettings(settings, serviceNames)
    .map(({ path, name }) => [path, name] as const);
  assert.deepEqual(listed.toSorted(), expected.toSorted());
});

Deno.test("a setting has the value of the programs' environment, empty without one", () => {
  const values = new Map(
    listBaseSettings(settings, ["auth"]).map(({ path, value }) => [path, value]),
  );
  assert.deepEqual(Object.fromEntries(values), {
    "gateway.logLevel": "info",
    "gateway.passportTtlSeconds": "30",
    "services.auth.accessTokenTtlSeconds": "600",
    "services.auth.refreshTokenTtlSeconds": "",
    "services.auth.logLevel": "info",
  });
});
