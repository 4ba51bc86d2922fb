/**
 * A service as it is deployed on Deno, with a trap around its database, its `fetch` and its responses:
 * `deno run --allow-all tests/chaos/entry.ts <service>`.
 */
import type { Application } from "@edgepass/shared/configuration";
import { serve } from "@edgepass/shared/runtime/deno";
import { readSqlDb } from "@edgepass/shared/sql";
import { services } from "../../app/generated/services.ts";
import { armPath, isPoint } from "./points.ts";
import { createTrap, type Trap, trapFetch, trapSql } from "./trap.ts";

const [name = ""] = Deno.args;
const service = Object.values(services).find((one) => one.name === name);
if (!service) throw new TypeError(`Cannot start: there is no service ${name}`);
const { database } = service;
const trap = createTrap();
globalThis.fetch = trapFetch(globalThis.fetch, Deno.env.get("QSTASH_URL") ?? "", trap);
await serve(
  (bindings) => {
    const own = database && { [database]: trapSql(readSqlDb(bindings[database]), trap) };
    return trapAnswers(service.compose({ ...bindings, ...own }), trap);
  },
  database === undefined ? {} : {
    migrations: { [database]: new URL(`../../services/${name}/migrations/`, import.meta.url) },
  },
);

function trapAnswers(app: Application, trap: Trap): Application {
  return {
    ...app,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === armPath) {
        const point = await request.text();
        if (!isPoint(point)) return new Response(null, { status: 400 });
        trap.arm(point);
        return new Response(null, { status: 204 });
      }
      const response = await app.fetch(request);
      if (pathname.startsWith("/events/") && response.ok) trap.pass("before ack");
      return response;
    },
  };
}
