import { type ProcessPlan, type RunningProcess, startProcess } from "../../dev/run/processes.ts";
import { waitUntil } from "../support/wait.ts";
import { armPath, isPoint, lastWords, type Point } from "./points.ts";

/** One process of the system, which is restarted whenever it exits. */
export interface Member {
  readonly name: string;
  /** Resolves when it responds. */
  ready(): Promise<void>;
  /** Kills it from outside at any moment, and resolves when it is up again, `downMs` later. */
  kill(options?: { readonly downMs?: number }): Promise<void>;
  /** Makes it die at a point; resolves when it is up again, or once it was disarmed. */
  killAt(point: Point): Promise<void>;
  /** Cancels a kill that waits for a point. */
  disarm(): void;
  /** Ends it without a restart. */
  stop(): Promise<void>;
}

/** How a process ended: at a point, by a kill from outside, or by itself. */
export interface Death {
  readonly name: string;
  readonly at: Point | "anywhere" | "by itself";
  /** What it lastPoint last. */
  readonly lastLines: readonly string[];
}

/** Options of a member. */
export interface MemberOptions {
  readonly plan: ProcessPlan;
  readonly origin: string;
  /** The file for its output. */
  readonly logFile: string;
  readonly onDeath: (death: Death) => void;
}

/** Longest start on a busy machine. */
const maxStartMs = 60_000;

/** Starts a process that is always restarted. */
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
      for (const resolve of onceBack.splice(0)) resolve();
    },
  });

  /** One kill at a time, because a process that is down cannot be killed. */
  function inTurn(act: (done: () => void) => void | Promise<void>): Promise<void> {
    const turn = queue.then(async () => {
      await lives.ready();
      const { promise, resolve } = Promise.withResolvers<void>();
      await act(resolve);
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

/** One run of the process. */
interface Life {
  readonly process: RunningProcess;
  readonly isUp: Promise<void>;
  lastPoint: Point | undefined;
  isKilled: boolean;
  downMs: number;
}

/** A process that is restarted after each exit, until it is ended. */
function keepAlive(
  { plan, origin, logFile, onDeath, onUp }: MemberOptions & { onUp(): Promise<void> },
) {
  const log = openLog(logFile);
  let isOver = false;
  let life = start();

  function start(): Life {
    const process = startProcess(plan, (line) => {
      const point = line.startsWith(lastWords) ? line.slice(lastWords.length) : "";
      if (isPoint(point)) life.lastPoint = point;
      else log.write(line);
    });
    const isUp = waitUntilUp(`${plan.name} starts`, origin, () => isOver).then(onUp);
    // Every waiter receives the failure, but there may be none.
    isUp.catch(() => {});
    void process.ended.then(({ lastLines }) => isOver ? undefined : revive(lastLines));
    return { process, isUp, lastPoint: undefined, isKilled: false, downMs: 0 };
  }

  async function revive(lastLines: readonly string[]): Promise<void> {
    const { lastPoint, isKilled, downMs } = life;
    onDeath({ name: plan.name, at: lastPoint ?? (isKilled ? "anywhere" : "by itself"), lastLines });
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

/**
 * Sets the point at which a service must die; a service that dies meanwhile gets it again after its
 * restart.
 */
async function arm(origin: string, point: Point): Promise<void> {
  try {
    const response = await fetch(origin + armPath, { method: "POST", body: point });
    await response.body?.cancel();
  } catch {
    // The process is exiting.
  }
}

async function waitUntilUp(
  what: string,
  origin: string,
  isOver: () => boolean,
): Promise<void> {
  const isUp = async () => isOver() || await isAlive(origin);
  await waitUntil(what, isUp, maxStartMs);
}

async function isAlive(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/livez`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
