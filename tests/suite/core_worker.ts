import { runCoreCases } from "./core/mod.ts";

export default {
  /** Answers with the result of every case. */
  async fetch(): Promise<Response> {
    return Response.json(await runCoreCases());
  },
};
