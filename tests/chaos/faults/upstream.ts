/** A service of somebody else's behind the gateway, which does what its path says. */
export interface Upstream extends AsyncDisposable {
  readonly addr: Deno.NetAddr;
  /** Requests that came, by their path. */
  readonly hits: ReadonlyMap<string, number>;
  /** Requests that were aborted while they were served. */
  aborted(): number;
  /** What `/half` does: every second request fails, or none. */
  setFailing(isFailing: boolean): void;
}

const chunk = new Uint8Array(65_536);
const json = { "content-type": "application/json" };

/** Serves `/echo/…`; what it answers carries the subject that it was told by the Passport. */
export function startUpstream(): Upstream {
  const hits = new Map<string, number>();
  let aborted = 0;
  let isFailing = false;
  let served = 0;

  const handlers: Readonly<
    Record<string, (request: Request, url: URL) => Response | Promise<Response>>
  > = {
    ok: (request) => Response.json({ sub: readDoctorContext(request) }),
    half: (request) =>
      isFailing && served++ % 2 === 0
        ? Response.json({ detail: "no" }, { status: 503 })
        : Response.json({ sub: readDoctorContext(request) }),
    async slow(request, url) {
      request.signal.addEventListener("abort", () => aborted++, { once: true });
      await new Promise((resolve) => setTimeout(resolve, Number(url.searchParams.get("ms"))));
      return Response.json({ sub: readDoctorContext(request) });
    },
    empty: () => new Response("", { headers: json }),
    garbage: () => new Response('{"sub":', { headers: json }),
    // What a page full of things weighs: wrapping it is work for whoever stands in front.
    page: (request) => pageOf(readDoctorContext(request)),
    redirect: (_request, url) => Response.redirect(url.searchParams.get("to") ?? "", 302),
    big: (_request, url) => new Response(manyBytes(Number(url.searchParams.get("bytes")))),
    ticks: (request, url) => {
      request.signal.addEventListener("abort", () => aborted++, { once: true });
      return ticking(Number(url.searchParams.get("ms")));
    },
    upload: async (request) => {
      let bytes = 0;
      for await (const part of request.body ?? []) bytes += part.length;
      return Response.json({ bytes, sub: readDoctorContext(request) });
    },
  };

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    const name = url.pathname.split("/").at(-1) ?? "";
    hits.set(name, (hits.get(name) ?? 0) + 1);
    return handlers[name]?.(request, url) ?? new Response(null, { status: 404 });
  });
  return {
    addr: server.addr,
    hits,
    aborted: () => aborted,
    setFailing: (next) => void (isFailing = next),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Not verified: it is compared with who asked, to see that nobody is taken for somebody else. */
function readDoctorContext(request: Request): string {
  const [, payload = ""] = (request.headers.get("x-passport") ?? "").split(".");
  if (payload === "") return "none";
  const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
  return String(JSON.parse(text).sub);
}

/** As much as is looked through as a whole, of many small things. */
const items = JSON.stringify(Array.from({ length: 10_000 }, (_, at) => [at % 100]));

function pageOf(sub: string): Response {
  return new Response(`{"sub":${JSON.stringify(sub)},"items":${items}}`, { headers: json });
}

function manyBytes(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(chunk.subarray(0, Math.min(left, chunk.length)));
      left -= chunk.length;
    },
  }, { highWaterMark: 1 });
}

function ticking(everyMs: number): Response {
  let timer: ReturnType<typeof setInterval>;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("data: first\n\n"));
      timer = setInterval(() => controller.enqueue(encoder.encode("data: tick\n\n")), everyMs);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
