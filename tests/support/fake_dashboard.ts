import type { Page } from "../../dev/page/mod.ts";
import type { StreamEvents } from "../../dev/page/api_types.ts";
import { logFilters, passes, requestFilters } from "../../dev/page/logic/matches.ts";
import { answerConfiguration } from "./dashboard_configuration.ts";
import { makeSamples, type Samples } from "./dashboard_samples.ts";

/** A dashboard whose API returns samples, and whose stream sends what a test publishes. */
export interface FakeDashboard extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly samples: Samples;
  send(event: keyof StreamEvents, data: unknown): void;
}

export interface FakeDashboardOptions {
  readonly page: Page;
  readonly count?: number;
  readonly port?: number;
  readonly samples?: Samples;
}

export function startFakeDashboard(
  { page, count = 250, port = 0, samples = makeSamples(count, Date.now()) }: FakeDashboardOptions,
): FakeDashboard {
  const streams = createStreams();
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    if (url.pathname === "/api/stream") return streams.open();
    return page.serve(request) ?? answerConfiguration(request, url, samples.configuration) ??
      answerEvents(request, url, samples) ?? answer(url, samples);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    samples,
    send: streams.send,
    async [Symbol.asyncDispose]() {
      streams.end();
      await server.shutdown();
    },
  };
}

function createStreams() {
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  let id = 0;
  /** What was sent before the page had connected: on a busy machine it shows its list earlier. */
  let early: string[] | undefined = [];
  return {
    open(): Response {
      let own: ReadableStreamDefaultController<Uint8Array>;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          streams.add(controller);
          controller.enqueue(encoder.encode(": hello\n\n"));
          for (const text of early ?? []) controller.enqueue(encoder.encode(text));
          early = undefined;
        },
        cancel: () => void streams.delete(own),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
    send(event: string, data: unknown): void {
      const text = `id: ${++id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
      early?.push(text);
      for (const stream of streams) stream.enqueue(encoder.encode(text));
    },
    end(): void {
      for (const stream of streams) stream.close();
      streams.clear();
    },
  };
}

function answerEvents(
  { method, headers }: Request,
  { pathname }: URL,
  { events }: Samples,
): Response | undefined {
  if (pathname === "/api/events") return Response.json(events);
  const [, id] = /^\/api\/events\/dead-letters(?:\/(.+))?$/.exec(pathname) ?? [];
  if (!pathname.startsWith("/api/events/dead-letters")) return undefined;
  const letters = events.deadLetters ?? [];
  const found = letters.filter((letter) => id === undefined ? !letter.poison : letter.id === id);
  if (id !== undefined && found.length === 0) {
    return Response.json({ error: "It is no longer a dead letter" }, { status: 404 });
  }
  if (method === "GET") {
    return Response.json({ ...found[0], event: '{"specversion":"1.0"}', answer: "out of order" });
  }
  if (headers.get("x-edgepass-page") !== "1") return new Response(null, { status: 403 });
  events.deadLetters = letters.filter((letter) => !found.includes(letter));
  return method === "DELETE" ? Response.json({ dropped: 1 }) : Response.json({
    replayed: found.length,
    poison: id === undefined ? letters.length - found.length : 0,
  });
}

function answer({ pathname, searchParams }: URL, samples: Samples): Response {
  const filters = Object.fromEntries(
    [...searchParams].filter(([name]) => name !== "limit" && name !== "before"),
  );
  switch (pathname) {
    case "/api/state":
      return Response.json({
        mode: "together",
        startedAt: Date.now() - 900_000,
        now: Date.now(),
        gateway: { origin: "http://127.0.0.1:8787" },
        counts: { requests: samples.requests.length, logs: samples.logs.length },
      });
    case "/api/requests": {
      const fitting = samples.requests.filter((row) => passes(requestFilters, filters, row));
      return page(fitting, searchParams);
    }
    case "/api/logs":
      return page(samples.logs.filter((line) => passes(logFilters, filters, line)), searchParams);
    case "/api/map":
      return Response.json(samples.map);
    case "/api/health":
      return Response.json(samples.health);
  }
  const trace = samples.traces.get(/^\/api\/requests\/(.+)$/.exec(pathname)?.[1] ?? "");
  return trace ? Response.json(trace) : Response.json({ error: "Not found" }, { status: 404 });
}

function page(all: readonly unknown[], query: URLSearchParams): Response {
  const from = Number(query.get("before") ?? 0);
  const to = from + Number(query.get("limit") ?? 100);
  return Response.json({ items: all.slice(from, to), next: to < all.length ? String(to) : null });
}
