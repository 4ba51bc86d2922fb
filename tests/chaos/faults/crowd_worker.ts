/** A crowd in its own thread: one message has the plan, one returns the result. */
import { type Connection, openConnection } from "./connection.ts";
import type { CrowdPlan, CrowdTally } from "./crowd.ts";

const decoder = new TextDecoder();

/** A user with a connection. */
interface Member {
  readonly connection: Connection;
  readonly sub: string;
  readonly token: string;
}

/** The worker's global scope; the type library is that of the main thread. */
interface ThreadScope {
  onmessage: ((event: MessageEvent<CrowdPlan>) => void) | null;
  postMessage(tally: CrowdTally): void;
}

const thread = asThread(globalThis);
thread.onmessage = async ({ data }) => thread.postMessage(await run(data));

/** This module is only loaded as a worker, whose global scope has both. */
function asThread(scope: unknown): ThreadScope {
  return scope as ThreadScope;
}

async function run(plan: CrowdPlan): Promise<CrowdTally> {
  const { hostname, port, people, connections } = plan;
  const free: Member[] = Array.from({ length: connections }, (_, at) => {
    const { sub, token } = people[at % people.length] ?? { sub: "", token: "" };
    return { connection: openConnection({ hostname, port }), sub, token };
  });
  const all = [...free];
  const tally = createTally();
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  await steadily(plan, () => {
    const member = free.shift();
    if (!member) return tally.allBusy();
    const pending = request(member, plan.path, startedAt, tally).then(() => {
      free.push(member);
      underWay.delete(pending);
    });
    underWay.add(pending);
  });
  await Promise.all(underWay);
  for (const { connection } of all) connection.close();
  return tally.result(performance.now() - startedAt);
}

async function request(
  { connection, sub, token }: Member,
  path: string,
  startedAt: number,
  tally: ReturnType<typeof createTally>,
): Promise<void> {
  const sentAt = performance.now();
  const { status, headers, body } = await connection.get(path, token);
  const receivedAt = performance.now();
  const ms = receivedAt - sentAt;
  const text = decoder.decode(body.subarray(0, 512));
  const found = /"sub":"([^"]+)"/.exec(text)?.[1];
  tally.record({
    kind: status === 200 ? "200" : `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ""}`.trim(),
    ms,
    atMs: receivedAt - startedAt,
    isWrong: status === 200 && found !== sub,
    lacksRetryAfter: (status === 503 || status === 429) && !/^retry-after: \d+/im.test(headers),
  });
}

/** At a steady rate, independent of earlier requests; without a rate, as fast as possible. */
async function steadily({ perSecond, ms }: CrowdPlan, startRequest: () => void): Promise<void> {
  const startedAt = performance.now();
  let begun = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const passed = performance.now() - startedAt;
      for (const due = Math.floor(Math.min(passed, ms) * perSecond / 1000); begun < due; begun++) {
        startRequest();
      }
      if (passed < ms) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
}

function createTally() {
  const kinds: Record<string, number> = {};
  const goodMs: number[] = [];
  const goodBySecond: number[] = [];
  let [wrongIdentity, withoutRetryAfter, allBusy] = [0, 0, 0];
  return {
    allBusy: () => void allBusy++,
    record({ kind, ms, atMs, isWrong, lacksRetryAfter }: {
      kind: string;
      ms: number;
      atMs: number;
      isWrong: boolean;
      lacksRetryAfter: boolean;
    }): void {
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      if (isWrong) wrongIdentity++;
      if (lacksRetryAfter) withoutRetryAfter++;
      if (kind !== "200") return;
      goodMs.push(ms);
      const second = Math.floor(atMs / 1000);
      goodBySecond[second] = (goodBySecond[second] ?? 0) + 1;
    },
    result: (tookMs: number): CrowdTally => ({
      kinds,
      goodMs: Float64Array.from(goodMs),
      goodBySecond: Array.from(goodBySecond, (count) => count ?? 0),
      wrongIdentity,
      withoutRetryAfter,
      allBusy,
      tookMs,
    }),
  };
}
