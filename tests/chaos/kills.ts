import { type Point, points } from "./points.ts";
import type { ProcessName, System } from "./system.ts";

/** One death to come: at a point, or from outside wherever the process is. */
export interface Kill {
  readonly process: ProcessName;
  readonly at?: Point;
  readonly downMs?: number;
}

/** Who passes the points often enough to be killed there. */
const speakers = ["user", "enrollment", "course", "auth"] as const;
const hearers = ["course", "enrollment", "course", "user"] as const;
const anybody = [
  "gateway",
  "qstash",
  "course",
  "enrollment",
  "user",
  "auth",
  "recommendation",
] as const;

/** Longer than all retries of a message take: what is missed ends among the dead letters. */
const longDownMs = 45_000;
const longDown = ["course", "enrollment", "user", "qstash"] as const;

/**
 * Plans so many deaths that every point comes as often as any other, and in between three from
 * outside; with `isLong` four processes stay down for long, spread over the run.
 */
export function planKills(count: number, { isLong }: { readonly isLong: boolean }): Kill[] {
  const round = points.length + 3;
  const kills = Array.from({ length: count }, (_, at): Kill => {
    const [turn, place] = [Math.floor(at / round), at % round];
    const point = points[place];
    if (point === undefined) {
      const process = anybody[(turn * 3 + place - points.length) % anybody.length] ?? "gateway";
      return { process };
    }
    const crowd = place < points.indexOf("before effect") ? speakers : hearers;
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

/** Carries out kills as a run goes on. */
export interface Executioner {
  /** Starts what is due at a part of the run, from 0 to 1. */
  advance(progress: number): void;
  /** Whether every kill has been. */
  isDone(): boolean;
  /** Gives up what waits for a point, and waits for what is down. */
  finish(): Promise<void>;
}

/** Spreads kills evenly. */
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
