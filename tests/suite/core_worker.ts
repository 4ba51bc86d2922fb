import { runCoreCases } from "./core/mod.ts";

export default {
  /** Responds with the result of every case. */
  async fetch(): Promise<Response> {
    return Response.json(await runCoreCases());
  },
};
