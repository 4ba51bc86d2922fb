import { createClient, createStarter } from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/ids";
import { localUpstream } from "@edgepass/shared/upstream";
import { type Context, Hono } from "hono";
import { authAccounts } from "../../services/user/accounts.ts";
import { createUserService, sqlProfileStore } from "../../services/user/mod.ts";
import { Profile } from "../../services/user/schema.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, expectJson, openDatabase, person } from "./services.ts";

export const annId = uuidv7();
export const bobId = uuidv7();
export const ann = person(annId, "learner");
export const bob = person(bobId, "learner");

/** Answers as auth does: two accounts, known by id, and closed for good. */
export function createAccounts() {
  const names = new Map([[annId, "Ann"], [bobId, "Bob"]]);
  const closed = new Set<string>();
  const requests: string[] = [];
  const readSubject = (c: Context) => {
    const [, payload = ""] = (c.req.header("x-passport") ?? "").split(".");
    const { sub } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return String(sub).slice("user:".length);
  };
  const read = (c: Context, id: string) => {
    const name = names.get(id);
    return name === undefined ? c.body(null, 404) : c.json({ id, name, roles: ["learner"] });
  };
  const app = new Hono()
    .use(async (c, next) => {
      requests.push(`${c.req.method} ${c.req.path}`);
      await next();
    })
    .get("/internal/accounts/me", (c) => read(c, readSubject(c)))
    .get("/internal/accounts/:id", (c) => read(c, c.req.param("id")))
    .delete("/internal/accounts/me", (c) => {
      const id = readSubject(c);
      if (names.has(id)) closed.add(id);
      names.delete(id);
      return c.body(null, closed.has(id) ? 204 : 404);
    });
  return { app, names, requests };
}

/** User before an auth of the test's; `fault` may take auth's place. */
export async function setupUser() {
  const database = await openDatabase("user");
  const clock = createClock();
  const passports = createPassports(clock);
  const accounts = createAccounts();
  const fault: { answer?: ((request: Request) => Response | undefined) | undefined } = {};
  const auth = localUpstream("auth", {
    fetch: (request) => fault.answer?.(request) ?? accounts.app.fetch(request),
  });
  const service = createUserService({
    starter: createStarter(passports.bindings, { now: clock.now, sink: () => {} }),
    store: sqlProfileStore(database),
    accounts: authAccounts(createClient({ services: { auth }, now: clock.now })),
    now: clock.now,
  });
  const call = createCaller(service, passports);
  return {
    database,
    clock,
    accounts,
    fault,
    call,
    readOwn: (as = ann) => expectJson(call("GET", "/users/me", { as }), 200, Profile),
    change: (body: object, as = ann) =>
      expectJson(call("PATCH", "/users/me", { as, body }), 200, Profile),
    rows: () => database.run({ sql: "SELECT * FROM profiles ORDER BY id", params: [] }),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}
