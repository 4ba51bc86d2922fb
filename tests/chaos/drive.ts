import { doSomething } from "./changes.ts";
import { faultsAt, setFaults } from "./faults.ts";
import type { Executioner } from "./kills.ts";
import type { System } from "./system.ts";
import type { Environment } from "./environment.ts";

/** Options of a crowd. */
export interface DriveOptions {
  readonly system: System;
  readonly executioner: Executioner;
  /** Number of changes that must succeed. */
  readonly changes: number;
  /** How often each fault of QStash occurs. */
  readonly rounds: number;
  /** Concurrent changes. */
  readonly concurrency?: number;
  /** Receives the progress from time to time, from 0 to 1. */
  readonly onProgress?: (progress: number) => void;
}

/** How long the crowd continues for kills that wait until a process passes their point. */
const maxOvertimeMs = 60_000;

/** Lets the crowd make changes during kills and QStash faults, until all of them have happened. */
export async function drive(environment: Environment, options: DriveOptions): Promise<void> {
  const { system, executioner, changes, rounds, concurrency = 32, onProgress } = options;
  const before = environment.ledger.counts.ok;
  const progress = () => (environment.ledger.counts.ok - before) / changes;
  let overtimeSince: number | undefined;
  const isOver = () => {
    if (progress() < 1) return false;
    overtimeSince ??= performance.now();
    return executioner.isDone() || performance.now() - overtimeSince > maxOvertimeMs;
  };
  const work = async () => {
    while (!isOver()) {
      executioner.advance(progress());
      const isDone = await doSomething(environment);
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  let isWorking = true;
  const disturb = async () => {
    let faults = faultsAt(0, rounds);
    while (isWorking) {
      const next = faultsAt(Math.min(progress(), 0.999), rounds);
      if (next !== faults) await setFaults(system, faults = next);
      onProgress?.(progress());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const disturbed = disturb();
  await Promise.all(Array.from({ length: concurrency }, work));
  isWorking = false;
  await disturbed;
}
