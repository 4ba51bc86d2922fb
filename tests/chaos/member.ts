import { type ProcessPlan, type RunningProcess, startProcess } from "../../dev/processes.ts";
import { waitUntil } from "../support/wait.ts";
import { armPath, isPoint, lastWords, type Point } from "./points.ts";

/** One of the system's processes, which is started again whenever it ends. */
export interface Member {
  readonly name: string;
  /** Resolves when it answers. */
  ready(): Promise<void>;
  /** Kills it from outside, wherever it is, and resolves when it is up again, `downMs` later. */
  kill(options?: { readonly downMs?: number }): Promise<void>;
  /** Has it die at a point; resolves when it is up again after that, or nobody waits any more. */
  killAt(point: Point): Promise<void>;
  /** Nobody waits for a point any more. */
  disarm(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** How a process ended: at a point, by a kill from outside, or for a reason of its own. */
export interface Death {
  readonly name: string;
  readonly at: Point | "anywhere" | "by itself";
  /** What it said last. */
  readonly lastLines: readonly string[];
}

/** What a member is made of. */
export interface MemberOptions {
  readonly plan: ProcessPlan;
  readonly origin: string;
  /** Where its lines go. */
  readonly logFile: string;
  readonly onDeath: (death: Death) => void;
}

/** Longest start on a machine that is busy. */
const maxStartMs = 60_000;

/** Starts a process that always comes back. */
export function startMember({ plan, origin, logFile, onDeath }: MemberOptions): Member {
  const onceBack: (() => void)[] = [];
  let armed: { readonly point: Point; done(): void } | undefined;
  let queue: Promise<void> = Promise.resolve();
  const lives = keepAlive({
    plan,
    origin,
    logFile,
    onDeath(death) {
      onDeath(death);
      if (!armed || death.at !== armed.point) return;
      onceBack.push(armed.done);
      armed = undefined;
    },
    async onUp() {
      if (armed) await arm(origin, armed.point);
      for (const tell of onceBack.splice(0)) tell();
    },
  });

  /** One after the other, for what is down cannot be killed. */
  function inTurn(ensureLoaded: (done: () => void) => void | Promise<void>): Promise<void> {
    const turn = queue.then(async () => {
      await lives.ready();
      const { promise, resolve } = Promise.withResolvers<void>();
      await ensureLoaded(resolve);
      await promise;
    });
    queue = turn.catch(() => {});
    return turn;
  }

  return {
    name: plan.name,
    ready: lives.ready,
    kill: ({ downMs = 0 } = {}) =>
      inTurn((done) => {
        onceBack.push(done);
        lives.kill(downMs);
      }),
    killAt: (point) =>
      inTurn(async (done) => {
        armed = { point, done };
        await arm(origin, point);
      }),
    disarm() {
      armed?.done();
      armed = undefined;
    },
    stop: lives.end,
  };
}

/** One time between a start and an end. */
interface Life {
  readonly process: RunningProcess;
  readonly isUp: Promise<void>;
  said: Point | undefined;
  isKilled: boolean;
  downMs: number;
}

/** A process that is started again after each end, until the last one. */
function keepAlive(
  { plan, origin, logFile, onDeath, onUp }: MemberOptions & { onUp(): Promise<void> },
) {
  const log = openLog(logFile);
  let isOver = false;
  let life = start();

  function start(): Life {
    const process = startProcess(plan, (line) => {
      const point = line.startsWith(lastWords) ? line.slice(lastWords.length) : "";
      if (isPoint(point)) life.said = point;
      else log.write(line);
    });
    const isUp = waitUntilUp(`${plan.name} starts`, origin, () => isOver).then(onUp);
    // Whoever waits for it hears of the failure, but there may be nobody.
    isUp.catch(() => {});
    void process.ended.then(({ lastLines }) => isOver ? undefined : revive(lastLines));
    return { process, isUp, said: undefined, isKilled: false, downMs: 0 };
  }

  async function revive(lastLines: readonly string[]): Promise<void> {
    const { said, isKilled, downMs } = life;
    onDeath({ name: plan.name, at: said ?? (isKilled ? "anywhere" : "by itself"), lastLines });
    await new Promise((resolve) => setTimeout(resolve, downMs));
    if (!isOver) life = start();
  }

  return {
    ready: () => life.isUp,
    kill(downMs: number) {
      Object.assign(life, { isKilled: true, downMs });
      life.process.kill();
    },
    async end() {
      isOver = true;
      life.process.kill();
      await life.process.ended;
      log.close();
    },
  };
}

function openLog(path: string) {
  const file = Deno.openSync(path, { create: true, append: true });
  const encoder = new TextEncoder();
  return {
    write: (line: string) => void (line === "" || file.writeSync(encoder.encode(`${line}\n`))),
    close: () => file.close(),
  };
}

/** Tells a service where to die; one that dies meanwhile is told again when it is back. */
async function arm(origin: string, point: Point): Promise<void> {
  try {
    const response = await fetch(origin + armPath, { method: "POST", body: point });
    await response.body?.cancel();
  } catch {
    // It is on its way down.
  }
}

async function waitUntilUp(
  what: string,
  origin: string,
  isOver: () => boolean,
): Promise<void> {
  const isUp = async () => isOver() || await answers(origin);
  await waitUntil(what, isUp, maxStartMs);
}

async function answers(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/livez`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
