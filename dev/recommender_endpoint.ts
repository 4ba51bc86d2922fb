import type { Home } from "./home.ts";
import { keepText } from "./kept.ts";
import { createRecommender } from "./recommender/mod.ts";
import type { Settings } from "./settings.ts";

const hostname = "127.0.0.1";

/** A recommender and how to reach it. */
export interface RecommenderEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The recommender of the settings: the given one untouched, or one served by this process on
 * loopback. Its port stays the same as long as it is free; its faults are gone with it.
 */
export function openRecommender(
  home: Home,
  { RECOMMENDER_URL: url }: Pick<Settings, "RECOMMENDER_URL">,
): RecommenderEndpoint {
  if (url !== "") return { url, close: () => Promise.resolve() };
  const { handler, close } = createRecommender();
  const portFile = home.at("recommender.port");
  const server = listen(readPort(portFile), handler);
  keepText(portFile, String(server.addr.port));
  return {
    url: `http://${hostname}:${server.addr.port}`,
    async close() {
      close();
      await server.shutdown();
    },
  };
}

function listen(
  port: number,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const serve = (port: number) => Deno.serve({ hostname, port, onListen: () => {} }, handler);
  try {
    return serve(port);
  } catch (error) {
    if (port === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    return serve(0);
  }
}

function readPort(path: string): number {
  try {
    const port = Number(Deno.readTextFileSync(path));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}
