/**
 * A service as it is deployed on Deno, with a trap around its database, its `fetch` and its responses:
 * `deno run --allow-all tests/chaos/entry.ts <service>`.
 */
import { composeAuth } from "@edgepass/auth/compose";
import course from "@edgepass/course";
import enrollment from "@edgepass/enrollment";
import recommendation from "@edgepass/recommendation";
import type { Application } from "@edgepass/shared/application";
import type { Bindings } from "@edgepass/shared/config";
import { serve } from "@edgepass/shared/runtime/deno";
import { readSqlDb } from "@edgepass/shared/sql/config";
import user from "@edgepass/user";
import { armPath, isPoint } from "./points.ts";
import { createTrap, type Trap, trapFetch, trapSql } from "./trap.ts";

const composers: Readonly<Record<string, (bindings: Bindings) => Application>> = {
  auth: composeAuth,
  user: user.compose,
  course: course.compose,
  enrollment: enrollment.compose,
  recommendation: recommendation.compose,
};

const [name = ""] = Deno.args;
const compose = composers[name];
if (!compose) throw new TypeError(`Cannot start: there is no service ${name}`);
const database = `${name.toUpperCase()}_DB`;
const trap = createTrap();
globalThis.fetch = trapFetch(globalThis.fetch, Deno.env.get("QSTASH_URL") ?? "", trap);
await serve(
  (bindings) => {
    const sql = trapSql(readSqlDb(bindings[database]), trap);
    return trapAnswers(compose({ ...bindings, [database]: sql }), trap);
  },
  { migrations: { [database]: new URL(`../../services/${name}/migrations/`, import.meta.url) } },
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
