import { load, percentile } from "./load.ts";
import { type Fixture, startFixture } from "./fixture.ts";

const rounds = 5;
const requestsPerRound = 1_500;
const warmUpRequests = 4_000;
const connections = 16;
/** Latency at one request at a time: under full load it only shows the throughput. */
const singleRequests = 200;
const backlog = 20_000;

const waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL";
/** Accepted and held back, so that the consumers' work adds nothing to the cost of the change. */
export const held = { delay: 1, delayMs: 3_600_000 } as const;

/**
 * What it costs to publish a change, and how fast a backlog is published.
 *
 * The same request changes the title of a draft, which publishes nothing, and of a published
 * course, which publishes an event to enrollment; the binary is the product's. Work after the
 * response counts as well.
 */
export async function measureEvents(redis: { port: number; token: string }) {
  return {
    change: await measureChanges(redis, held),
    "change while QStash hangs": await measureChanges(redis, { apiHang: 1, apiHangMs: 60_000 }),
    backlog: {
      events: backlog,
      ...await measureRelay(redis),
      ...await measureRecovery(redis),
    },
  };
}

export async function measureChanges(
  redis: { port: number; token: string },
  faults: Readonly<Record<string, number>>,
) {
  await using fixture = await startFixture(redis);
  await untilNothing(fixture, waiting);
  await fixture.setFaults(faults);
  const isHanging = "apiHang" in faults;
  const runs = { draft: emptyRuns(), published: emptyRuns() };
  const kinds = ["draft", "published"] as const;
  for (const kind of kinds) await change(fixture, kind, warmUpRequests);
  if (!isHanging) await untilNothing(fixture, waiting);
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      const { latencies } = await change(fixture, kind, singleRequests, 1);
      if (!isHanging) await untilNothing(fixture, waiting);
      const before = fixture.product.cpuSeconds();
      await change(fixture, kind, requestsPerRound);
      if (!isHanging) await untilNothing(fixture, waiting);
      const cpu = fixture.product.cpuSeconds() - before;
      runs[kind].cpu.push(cpu / requestsPerRound * 1e6);
      runs[kind].p50.push(percentile(latencies, 0.5));
      runs[kind].p99.push(percentile(latencies, 0.99));
    }
  }
  const [without, published] = [summarise(runs.draft), summarise(runs.published)];
  const ratio = (key: keyof typeof published) =>
    Math.round(published[key] / without[key] * 100) / 100;
  return {
    "without an event": without,
    "with an event": published,
    ratio: { cpu: ratio("cpuMicroseconds"), p50: ratio("p50Ms"), p99: ratio("p99Ms") },
  };
}

function emptyRuns(): Record<"cpu" | "p50" | "p99", number[]> {
  return { cpu: [], p50: [], p99: [] };
}

function summarise({ cpu, p50, p99 }: ReturnType<typeof emptyRuns>) {
  return {
    cpuMicroseconds: Math.round(median(cpu)),
    p50Ms: round1(median(p50)),
    p99Ms: round1(median(p99)),
  };
}

async function change(
  fixture: Fixture,
  kind: "draft" | "published",
  requests: number,
  atOnce = connections,
) {
  const { product: { port }, token, courses } = fixture;
  const encoder = new TextEncoder();
  const run = String(performance.now());
  const request = (n: number): Uint8Array => {
    const body = JSON.stringify({ title: `Knots ${run} ${n}` });
    const id = courses[kind][n % courses[kind].length];
    return encoder.encode([
      `PATCH /courses/${id} HTTP/1.1`,
      `host: 127.0.0.1:${port}`,
      `authorization: Bearer ${token}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
      "",
      body,
    ].join("\r\n"));
  };
  const result = await load({ port, connections: atOnce, requests, request });
  const unexpected = Object.keys(result.statuses).filter((status) => status !== "200");
  if (unexpected.length > 0) throw new Error(`Unexpected: ${JSON.stringify(result.statuses)}`);
  return result;
}

/** How fast a backlog is published, while nothing is delivered. */
async function measureRelay(redis: { port: number; token: string }) {
  await using fixture = await startFixture(redis);
  await fillOutbox(fixture);
  const before = fixture.product.cpuSeconds();
  await fixture.setFaults(held);
  await untilNothing(fixture, waiting);
  const cpu = fixture.product.cpuSeconds() - before;
  const of = "FROM outbox WHERE id LIKE 'bench-%'";
  const took = fixture.queryNumber("course", `SELECT max(published_at) - min(published_at) ${of}`);
  return {
    relayEventsPerSecond: Math.round(backlog / took * 1000),
    relayCpuMicrosecondsPerEvent: Math.round(cpu / backlog * 1e6),
  };
}

/** How long it takes until consumers have applied the backlog of a QStash outage. */
export async function measureRecovery(redis: { port: number; token: string }) {
  await using fixture = await startFixture(redis);
  await fillOutbox(fixture);
  const startedAt = performance.now();
  const [before, atQstash] = [fixture.product.cpuSeconds(), fixture.qstash.cpuSeconds()];
  await fixture.setFaults({});
  await untilNothing(fixture, waiting);
  const published = performance.now() - startedAt;
  const inbox = `SELECT ${backlog} - count(*) FROM inbox WHERE event_id LIKE 'bench-%'`;
  await untilNothing(fixture, inbox, "enrollment");
  const cleared = performance.now() - startedAt;
  return {
    publishedAfterSeconds: round1(published / 1000),
    clearedAfterSeconds: round1(cleared / 1000),
    productCpuMicrosecondsPerEvent: Math.round(
      (fixture.product.cpuSeconds() - before) / backlog * 1e6,
    ),
    qstashCpuMicrosecondsPerEvent: Math.round(
      (fixture.qstash.cpuSeconds() - atQstash) / backlog * 1e6,
    ),
  };
}

/** Courses that were published while QStash was down; each is a subject of its own. */
async function fillOutbox(fixture: Fixture): Promise<void> {
  await untilNothing(fixture, waiting);
  await fixture.setFaults({ apiError: 1 });
  const now = Date.now();
  const run = crypto.randomUUID();
  using db = fixture.open("course");
  const add = db.prepare(
    "INSERT INTO outbox (id, subject, sequence, event, created_at) VALUES (?, ?, 1, ?, ?)",
  );
  db.exec("BEGIN");
  for (let n = 0; n < backlog; n++) {
    const [id, subject] = [`bench-${run}-${n}`, `course-${run}-${n}`];
    const event = {
      specversion: "1.0",
      id,
      source: "/course",
      type: "course.published",
      subject,
      time: new Date(now).toISOString(),
      datacontenttype: "application/json",
      dataschema: "urn:edgepass:event:course.published:1",
      traceparent: `00-${crypto.randomUUID().replaceAll("-", "")}-00f067aa0ba902b7-00`,
      sequence: "1".padStart(20, "0"),
      data: { title: `Course ${n}` },
    };
    add.run(id, subject, JSON.stringify(event), now);
  }
  db.exec("COMMIT");
  // A change starts the relay, which finds that QStash does not respond.
  await change(fixture, "published", 1);
}

/** Waits until a query returns 0. */
async function untilNothing(fixture: Fixture, sql: string, service = "course"): Promise<void> {
  for (let left = 6_000; fixture.queryNumber(service, sql) > 0; left--) {
    if (left === 0) throw new Error(`Still waiting in ${service}: ${sql}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
