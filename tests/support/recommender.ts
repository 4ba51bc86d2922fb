import { encodeBase64Url } from "@edgepass/shared/crypto";
import { createRecommender } from "../../dev/run/recommender.ts";

/** A request to a recommender: the names of the headers, and the body. */
export interface Question {
  readonly headers: readonly string[];
  readonly body: string;
}

/** A recommender on loopback, as a third party would run it, with the caller's settings. */
export function startRecommender() {
  const { handler, close } = createRecommender();
  const questions: Question[] = [];
  let own: (() => Response) | undefined;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      if (!request.url.endsWith("/v1/recommendations")) return await handler(request);
      const body = await request.text();
      questions.push({ headers: [...request.headers.keys()], body });
      const { method, url, signal } = request;
      return own?.() ?? await handler(new Request(url, { method, body, signal }));
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    settings: { RECOMMENDER_URL: url, RECOMMENDER_KEY: newKey() },
    questions,
    /** Sets faults by name; without names, none. */
    async fail(faults: Readonly<Record<string, unknown>> = {}) {
      own = undefined;
      const init = { method: "PUT", body: JSON.stringify(faults) };
      const response = await fetch(`${url}/faults`, init);
      await response.body?.cancel();
      if (!response.ok) throw new TypeError(`Cannot set faults: ${response.status}`);
    },
    /** Replaces its responses. */
    respondWith(make: () => Response) {
      own = make;
    },
    async [Symbol.asyncDispose]() {
      close();
      await server.shutdown();
    },
  };
}

function newKey(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}
