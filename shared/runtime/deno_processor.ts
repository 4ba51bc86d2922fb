import process from "node:process";

/** Processor time of this process so far, in milliseconds. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Processors besides the one that serves requests, at least one; a container's limit counts. */
export function spareProcessors(): number {
  return Math.max(1, navigator.hardwareConcurrency - 1);
}
