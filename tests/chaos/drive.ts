import { doSomething } from "./changes.ts";
import { faultsAt, setFaults } from "./faults.ts";
import type { Executioner } from "./kills.ts";
import type { System } from "./system.ts";
import type { Environment } from "./environment.ts";

/** How a crowd is driven. */
export interface DriveOptions {
  readonly system: System;
  readonly executioner: Executioner;
  /** Changes that have to be answered with success. */
  readonly changes: number;
  /** How often every fault of QStash comes. */
  readonly rounds: number;
  /** Changes under way at a time. */
  readonly concurrency?: number;
  /** Hears now and then of the part that is done, from 0 to 1. */
  readonly onProgress?: (progress: number) => void;
}

/** How long the crowd goes on for kills that wait for somebody to pass their point. */
const maxOvertimeMs = 60_000;

/** Has the crowd make changes while processes die and QStash does wrong, until all that has been. */
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
      const wanted = faultsAt(Math.min(progress(), 0.999), rounds);
      if (wanted !== faults) await setFaults(system, faults = wanted);
      onProgress?.(progress());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const disturbed = disturb();
  await Promise.all(Array.from({ length: concurrency }, work));
  isWorking = false;
  await disturbed;
}
