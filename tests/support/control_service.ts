import { composeControl } from "@edgepass/control/compose";
import { createServiceRuntime } from "@edgepass/shared/http";
import { startRedis } from "./auth_service.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, openDatabase, person } from "./services.ts";

/** The control plane alone, on an in-memory database and an embedded Redis over HTTP. */
export async function setupControl(more: Readonly<Record<string, unknown>> = {}) {
  const resources = new AsyncDisposableStack();
  const database = resources.use(await openDatabase("control"));
  const redis = await startRedis(resources);
  const clock = createClock();
  const passports = createPassports(clock);
  const lines: string[] = [];
  const settings = {
    ...passports.bindings,
    LOG_LEVEL: "info",
    CONTROL_DB: database,
    ISSUERS: JSON.stringify([{ alias: "corp", maxLifeSeconds: 3600 }, { alias: "partner" }, {
      alias: "login",
      tenants: "any",
    }]),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    ...more,
  };
  const app = composeControl(settings, {
    runtime: createServiceRuntime(settings, {
      now: clock.now,
      sink: (line) => void lines.push(line),
    }),
  });
  const call = createCaller(app, passports);
  const admin = person("corp:boss", "admin");
  return {
    admin,
    app,
    call,
    clock,
    redis,
    settings,
    log: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    rows: (sql: string, ...params: (string | number)[]) => database.run({ sql, params }),
    revoke: (body: object, as = admin) => call("POST", "/admin/revocations", { as, body }),
    put: (document: object) =>
      call("PUT", "/admin/configuration", { as: admin, body: { document } }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
