import { readArguments } from "@edgepass/shared/runtime/deno";
import { measureAlgorithms } from "./algorithms.ts";
import { measureEvents } from "./events.ts";
import { load, percentile } from "./load.ts";
import { type Server, start } from "./processes.ts";
import { createScenario, type Scenario } from "./scenario.ts";
import { measureSteps } from "./steps.ts";
import { measureUnknownKids } from "./unknown_kids.ts";

readArguments({
  usage:
    "Usage: deno task bench [--soak] [--only=<part>]\n\nMeasures what a request costs, into bench/results.json.",
  maxWords: 0,
});

/**
 * What a request costs, as ratios within one run: `deno task bench`, with `--soak` also a million
 * requests for memory, with `--only=watching` that part alone. The figures go to bench/results.json;
 * nothing asserts them.
 */
const rounds = 9;
const requestsPerRound = 6_000;
/** Code that runs all day is compiled: the warm-up keeps the compilation out of the figures. */
const warmUpRequests = 40_000;
const token = crypto.randomUUID();

interface Variant {
  readonly server: Server;
  readonly request: (n: number) => Uint8Array;
}

await using redis = await start("redis", { TOKEN: token });
await using upstream = await start("upstream");
const scenario = await createScenario({ users: 1000, redis: { port: redis.port, token } });
const UPSTREAM = `http://127.0.0.1:${upstream.port}`;
await using proxy = await start("proxy", { UPSTREAM });
await using gateway = await start("gateway", { ...scenario.settings, UPSTREAM });
const file = new URL("results.json", import.meta.url);
const parts = {
  cost: measureCost,
  watching: measureWatching,
  commands: () => countCommands(scenario),
  latency: measureLatency,
  unknownKids: () => measureUnknownKids({ scenario, upstream: UPSTREAM }),
  steps: () => measureSteps({ url: `http://127.0.0.1:${redis.port}`, token }),
  algorithms: measureAlgorithms,
  events: () => measureEvents({ port: redis.port, token }),
  memory: soak,
} as const;

const results: Record<string, unknown> = JSON.parse(await Deno.readTextFile(file));
for (const [name, measurePart] of Object.entries(parts)) {
  if (!isSelected(name)) continue;
  results[name] = await measurePart();
  console.log(name);
  console.log(JSON.stringify(results[name], null, 2));
}
await Deno.writeTextFile(file, JSON.stringify(results, null, 2) + "\n");

/** Every part but the soak, or the named one; the others keep the figures of their last run. */
function isSelected(part: string): boolean {
  const [, only] = /^--only=(\w+)$/.exec(Deno.args[0] ?? "") ?? [];
  if (only !== undefined) return part === only;
  return part !== "memory" || Deno.args.includes("--soak");
}

async function measureCost() {
  await using manyRoutes = await start("gateway", {
    ...scenario.settings,
    UPSTREAM,
    OTHER_ROUTES: "1000",
  });
  await using allInOne = await start("gateway", scenario.settings);
  await using outsideParts = await start("parts", { ...scenario.settings, UPSTREAM });
  await using fullRedis = await start("redis", { TOKEN: token });
  await fillRevocations(fullRedis.port, 100_000);
  const crowd = await createScenario({ users: 10_000, redis: { port: fullRedis.port, token } });
  await using crowded = await start("gateway", { ...crowd.settings, UPSTREAM });
  return await compare("ratioToProxy", {
    "bare fetch-proxy": { server: proxy, request: scenario.request("/me") },
    "its parts without a policy": { server: outsideParts, request: scenario.request("/me") },
    "gateway, service at a URL": { server: gateway, request: scenario.request("/me") },
    "gateway, public route at a URL": { server: gateway, request: scenario.request("/open") },
    "gateway with 1000 more routes": { server: manyRoutes, request: scenario.request("/me") },
    "gateway with 10,000 people, 100,000 revocations": {
      server: crowded,
      request: crowd.request("/me"),
    },
    "gateway and service in one isolate": { server: allInOne, request: scenario.request("/me") },
  });
}

/** The cost of telemetry: the same gateway with none, with all of it, and with a sample. */
async function measureWatching() {
  await using collector = await start("collector");
  const silent = { ...scenario.settings, UPSTREAM, LOG_LEVEL: "error" };
  const seen = {
    ...scenario.settings,
    UPSTREAM,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    // Lines go to standard output, as most platforms collect them.
    OTEL_LOGS_EXPORTER: "none",
    OTEL_METRIC_EXPORT_INTERVAL: "5000",
  };
  await using off = await start("gateway", silent);
  await using lines = await start("gateway", { ...scenario.settings, UPSTREAM });
  await using sampled = await start("gateway", { ...seen, OTEL_TRACES_SAMPLER_ARG: "0.01" });
  await using all = await start("gateway", seen);
  const request = scenario.request("/me");
  return await compare("ratioToSilent", {
    "no lines, nothing exported": { server: off, request },
    "a line a request": { server: lines, request },
    "lines, metrics, 1 % of traces": { server: sampled, request },
    "lines, metrics, all traces": { server: all, request },
  });
}

/**
 * Interleaves the variants, so that a machine that slows down slows all of them; ratios are to the
 * first. A variant's figure is that of its least disturbed round: other load on the machine only
 * adds.
 */
async function compare(ratio: string, variants: Readonly<Record<string, Variant>>) {
  const cpu: Record<string, number[]> = {};
  const rate: Record<string, number[]> = {};
  for (const { server, request } of Object.values(variants)) {
    await run(server.port, request, warmUpRequests);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, { server, request }] of Object.entries(variants)) {
      const before = server.cpuSeconds();
      const { seconds } = await run(server.port, request, requestsPerRound);
      (cpu[name] ??= []).push((server.cpuSeconds() - before) / requestsPerRound * 1e6);
      (rate[name] ??= []).push(requestsPerRound / seconds);
    }
  }
  const [first = ""] = Object.keys(variants);
  const base = Math.min(...cpu[first]!);
  return Object.fromEntries(
    Object.keys(variants).map((name) => [name, {
      cpuMicrosecondsPerRequest: round1(Math.min(...cpu[name]!)),
      [ratio]: Math.round(Math.min(...cpu[name]!) / base * 100) / 100,
      requestsPerSecond: Math.round(Math.max(...rate[name]!)),
    }]),
  );
}

async function run(port: number, request: (n: number) => Uint8Array, requests: number) {
  const result = await load({ port, connections: 32, requests, request });
  const unexpected = Object.keys(result.statuses).filter((status) => status !== "200");
  if (unexpected.length > 0) throw new Error(`Unexpected: ${JSON.stringify(result.statuses)}`);
  return result;
}

async function countCommands({ request }: Scenario) {
  const before = await counters();
  const requests = 2_000;
  await run(gateway.port, request("/me"), requests);
  const after = await counters();
  return {
    strictRequests: requests,
    billedCommandsPerRequest: (after.commands - before.commands) / requests,
    roundTripsPerRequest: (after.calls - before.calls) / requests,
  };
}

/** Revoked logins of other people: they fill the list, and affect none of the requests. */
async function fillRevocations(port: number, count: number): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    const commands = Array.from(
      { length: 1_000 },
      (_, n) => ["SET", `rv:s:other-${from + n}`, "1", "EX", "900"],
    );
    const response = await fetch(`http://127.0.0.1:${port}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(commands),
    });
    if (!response.ok) throw new Error(`Redis answered ${response.status}`);
    await response.body?.cancel();
  }
}

async function counters(): Promise<{ calls: number; commands: number }> {
  return await (await fetch(`http://127.0.0.1:${redis.port}/counters`)).json();
}

/** Latency that strict revocation adds at several distances to Redis, one request at a time. */
async function measureLatency() {
  const added: Record<string, { p50Ms: number; p99Ms: number }> = {};
  for (const delayMs of [20, 60, 120]) {
    await using slow = await start("redis", { TOKEN: token, DELAY_MS: String(delayMs) });
    const settings = {
      ...scenario.settings,
      UPSTREAM,
      UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${slow.port}`,
    };
    await using server = await start("gateway", settings);
    await run(server.port, scenario.request("/me"), 200);
    const open = await run(server.port, scenario.request("/open"), 1_000);
    const strict = await run(server.port, scenario.request("/me"), 1_000);
    const at = (share: number) =>
      round1(percentile(strict.latencies, share) - percentile(open.latencies, share));
    added[`${delayMs} ms round trip`] = { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
  return added;
}

async function soak() {
  const megabytes: number[] = [];
  for (let tenth = 0; tenth <= 10; tenth++) {
    if (tenth > 0) await run(gateway.port, scenario.request("/me"), 100_000);
    megabytes.push(Math.round(gateway.residentBytes() / 1048576));
  }
  return { requests: 1_000_000, residentMegabytesEach100000: megabytes };
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
