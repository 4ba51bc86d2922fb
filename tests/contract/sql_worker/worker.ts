import { type D1Binding, d1Sql } from "../../../shared/sql/open_sql_db.ts";
import { sqlCases } from "../sql_cases.ts";

/** Runs the case whose position is the path, inside workerd, and returns the failure message. */
export default {
  async fetch(request: Request, env: { DB: D1Binding }): Promise<Response> {
    const index = Number(new URL(request.url).pathname.slice(1));
    const run = Object.values(sqlCases)[index];
    if (run === undefined) return new Response("No such case", { status: 404 });
    try {
      await run(d1Sql(env.DB), `case_${index}`);
      return new Response("passed");
    } catch (error) {
      const text = error instanceof Error ? `${error.stack}\n${error.cause ?? ""}` : String(error);
      return new Response(text, { status: 500 });
    }
  },
};
