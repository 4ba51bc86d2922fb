import process from "node:process";

/** Milliseconds of processors that this process has used so far. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Processors beside the one that serves requests, at least one; a container's share counts. */
export function spareProcessors(): number {
  return Math.max(1, navigator.hardwareConcurrency - 1);
}
