/// <reference lib="deno.worker" />
import { createPage } from "../page/mod.ts";
import { createForward } from "./forward.ts";
import type { FromObserver, Opening, ToObserver } from "./messages.ts";
import { createObserver, type Observer } from "./observer.ts";
import type { DashboardPage } from "./server.ts";

/**
 * The thread of the observer. Its work can take a while, a search through the whole store for
 * example, and the thread of dev serves Redis, which has to respond within milliseconds.
 */
function run(): void {
  let observer: Observer | undefined;
  let server: Deno.HttpServer | undefined;
  const post = (message: FromObserver): void => self.postMessage(message);

  function open(opening: Opening): void {
    try {
      observer = openObserver(opening, (message) => post({ kind: "warning", message }));
      const { fetch } = observer;
      server = Deno.serve({ hostname: "127.0.0.1", port: opening.port, onListen: () => {} }, fetch);
      post({ kind: "ready", unreported: observer.unreported() });
    } catch (error) {
      observer?.close();
      post({ kind: "refused", reason: error instanceof Error ? error.message : "unknown" });
    }
  }

  async function close(): Promise<void> {
    // First the observer: it ends the streams of open pages, for which the server would wait.
    observer?.close();
    observer = undefined;
    await Promise.race([server?.shutdown(), new Promise((resolve) => setTimeout(resolve, 500))]);
    post({ kind: "closed" });
  }

  self.onmessage = ({ data }) => {
    const message = toMessage(data);
    switch (message.kind) {
      case "open":
        return open(message.opening);
      case "lines":
        return observer?.receive(message.lines);
      case "deliveries":
        return observer?.noteDeliveries(message.notes);
      case "started":
        return observer?.started(message.process);
      case "ended":
        return observer?.ended(message.process);
      case "reported":
        return observer?.reported();
      case "close":
        close();
    }
  };
}

function openObserver(
  { forward, ...opening }: Opening,
  onWarning: (message: string) => void,
): Observer {
  return createObserver({
    ...opening,
    page: makePageOnce(onWarning),
    forward: forward && createForward(forward, {
      fetch,
      onFailure: (reason) => onWarning(`Telemetry is not forwarded: ${reason}`),
    }),
    onWarning,
    now: Date.now,
  });
}

/** The page is built at its first request: the start of the system must not wait for it. */
function makePageOnce(onWarning: (message: string) => void): () => Promise<DashboardPage> {
  let made: Promise<DashboardPage> | undefined;
  const words = "The dashboard's page could not be made; its API is at /api/state";
  return () =>
    made ??= createPage().catch((cause: unknown) => {
      onWarning(`${words}: ${cause instanceof Error ? cause.message : "unknown"}`);
      return { serve: () => new Response(`${words}\n`, { status: 500 }) };
    });
}

/** Only `startObserver` posts here, and structured clones keep the shape of what it posts. */
function toMessage(data: unknown): ToObserver {
  return data as ToObserver;
}

run();
