import * as hono from "hono-older";
import * as httpException from "hono-older/http-exception";
import { runStarterCases, toHonoCopy } from "./starter_cases.ts";

/** The test names the copy; the bundler resolves `hono-older` to it. */
export default {
  /** Responds with the result of every case. */
  async fetch(): Promise<Response> {
    return Response.json(await runStarterCases(toHonoCopy(hono, httpException)));
  },
};
