import * as hono from "hono-older";
import * as httpException from "hono-older/http-exception";
import { runStarterCases, toHonoCopy } from "./starter_cases.ts";

/** The test names the copy: the bundler takes it in place of `hono-older`. */
export default {
  /** Answers with the result of every case. */
  async fetch(): Promise<Response> {
    return Response.json(await runStarterCases(toHonoCopy(hono, httpException)));
  },
};
