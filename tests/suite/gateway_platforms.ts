import { createTestHarness } from "wrangler";
import { runInvocation } from "@edgepass/shared/context";
import { composeGateway } from "./gateway_compose.ts";

/** A running gateway. */
export interface Served extends AsyncDisposable {
  readonly origin: string;
  /** Log lines so far; empty where the runtime hides them. */
  readonly logLines: readonly string[];
}

/** A runtime that serves a gateway from its bindings. */
export type Platform = (bindings: Readonly<Record<string, string>>) => Promise<Served>;

async function deno(bindings: Readonly<Record<string, string>>): Promise<Served> {
  const logLines: string[] = [];
  const app = await composeGateway(bindings, {
    pipelineAutomatically: true,
    measuresLateness: true,
    sink: (line) => logLines.push(line),
  });
  const underWay = new Set<Promise<unknown>>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) =>
      runInvocation({
        waitUntil(work) {
          underWay.add(work);
          work.finally(() => underWay.delete(work));
        },
        peerAddress: info.remoteAddr.hostname,
      }, () => app.fetch(request)),
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    logLines,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Promise.allSettled(underWay);
    },
  };
}

async function harness(bindings: Readonly<Record<string, string>>): Promise<Served> {
  Deno.env.set("CLOUDFLARE_CF_FETCH_ENABLED", "false");
  Deno.env.set("WRANGLER_SEND_METRICS", "false");
  const harness = createTestHarness({
    root: new URL("./", import.meta.url).pathname,
    workers: [{
      configPath: "./gateway_wrangler.toml",
      vars: { ...bindings },
    }],
  });
  const { url } = await harness.listen();
  return {
    origin: url.origin,
    logLines: [],
    [Symbol.asyncDispose]: () => harness.close(),
  };
}

/** The runtimes of the suite: Deno, wrangler's harness, and workerd alone. */
export type Runtime = "deno" | "harness" | "workerd";

export const platforms = { deno, harness } as const satisfies Partial<Record<Runtime, Platform>>;
