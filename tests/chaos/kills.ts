import { type Point, points } from "./points.ts";
import type { ProcessName, System } from "./system.ts";

/** One planned kill: at a point, or from outside at any moment. */
export interface Kill {
  readonly process: ProcessName;
  readonly at?: Point;
  readonly downMs?: number;
}

/** Services that pass the points often enough to be killed there. */
const publishers = ["user", "enrollment", "course", "auth"] as const;
const consumers = ["course", "enrollment", "course", "user"] as const;
const processes = [
  "gateway",
  "qstash",
  "course",
  "enrollment",
  "user",
  "auth",
  "recommendation",
] as const;

/** Longer than all retries of a message: missed events become dead letters. */
const longDownMs = 45_000;
const longDown = ["course", "enrollment", "user", "qstash"] as const;

/**
 * Plans kills so that every point occurs equally often, with three kills from outside in between; with
 * `isLong` four processes stay down for long, spread over the run.
 */
export function planKills(count: number, { isLong }: { readonly isLong: boolean }): Kill[] {
  const round = points.length + 3;
  const kills = Array.from({ length: count }, (_, at): Kill => {
    const [turn, place] = [Math.floor(at / round), at % round];
    const point = points[place];
    if (point === undefined) {
      const process = processes[(turn * 3 + place - points.length) % processes.length] ?? "gateway";
      return { process };
    }
    const crowd = place < points.indexOf("before effect") ? publishers : consumers;
    return { process: crowd[(turn + place) % crowd.length] ?? "user", at: point };
  });
  if (!isLong) return kills;
  const every = Math.floor(count / (longDown.length + 1));
  longDown.forEach((process, at) =>
    kills.splice((at + 1) * every, 1, {
      process,
      downMs: longDownMs,
    })
  );
  return kills;
}

/** Carries out the kills during a run. */
export interface Executioner {
  /** Starts the kills that are due at this progress, from 0 to 1. */
  advance(progress: number): void;
  /** Whether every kill has happened. */
  isDone(): boolean;
  /** Cancels kills that wait for a point, and waits for processes that are down. */
  finish(): Promise<void>;
}

/** Distributes kills evenly. */
export function createExecutioner(system: System, kills: readonly Kill[]): Executioner {
  let next = 0;
  let pending = 0;
  let isOver = false;
  const underWay = new Set<Promise<void>>();
  const carryOut = async ({ process, at, downMs = 0 }: Kill) => {
    if (isOver) return;
    const member = system.members[process];
    await (at === undefined ? member.kill({ downMs }) : member.killAt(at));
  };
  return {
    advance(progress) {
      while (next < kills.length && progress >= (next + 0.5) / kills.length) {
        const kill = kills[next++];
        if (!kill) return;
        pending++;
        const work: Promise<void> = carryOut(kill).finally(() => {
          pending--;
          underWay.delete(work);
        });
        underWay.add(work);
      }
    },
    isDone: () => next === kills.length && pending === 0,
    async finish() {
      isOver = true;
      const members = Object.values(system.members);
      while (underWay.size > 0) {
        for (const member of members) member.disarm();
        await Promise.race([...underWay, new Promise((resolve) => setTimeout(resolve, 100))]);
      }
      for (const member of members) await member.ready();
    },
  };
}
