import { openQstash } from "@edgepass/local/qstash";
import { publicOrigin, randomSecret } from "../settings.ts";
import type { Fetch } from "../targets.ts";

/** A local QStash for one test. */
export interface TestQstash extends AsyncDisposable {
  /** An installation's settings for it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Starts deliveries; messages to the public origin go to this installation. */
  deliverTo(fetch: Fetch): void;
}

/** Serves it on loopback, without persistence. */
export function startQstash(): TestQstash {
  const token = randomSecret();
  let target: Fetch = () => Promise.reject(new TypeError("No installation is there yet"));
  const qstash = openQstash({
    token,
    path: ":memory:",
    fetch(input, init) {
      const url = input instanceof Request ? input.url : String(input);
      if (!url.startsWith(`${publicOrigin}/`)) throw new TypeError(`Not a destination: ${url}`);
      return target(url.slice(publicOrigin.length), init);
    },
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => qstash.handler(request),
  );
  const { current, next } = qstash.keys();
  return {
    settings: {
      QSTASH_URL: `http://127.0.0.1:${server.addr.port}`,
      QSTASH_TOKEN: token,
      QSTASH_CURRENT_SIGNING_KEY: current,
      QSTASH_NEXT_SIGNING_KEY: next,
    },
    deliverTo(fetch) {
      target = fetch;
      qstash.start();
    },
    async [Symbol.asyncDispose]() {
      await qstash.close();
      await server.shutdown();
    },
  };
}
