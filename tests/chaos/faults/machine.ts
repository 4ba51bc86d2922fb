import type { RunningProcess } from "../../../dev/run/processes.ts";

/** Resident memory of a process, in bytes. */
export function residentBytes({ pid }: RunningProcess): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

/** Processor time that a process has used so far, in milliseconds. */
export function processorMs({ pid }: RunningProcess): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13)
    .map(Number);
  const ticksPerSecond = 100;
  return (user + system) * 1000 / ticksPerSecond;
}

/** Number of open file descriptors of a process. */
export function openDescriptors({ pid }: RunningProcess): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Runs a system command; false where it fails or does not exist. */
export async function runs(command: string, ...args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: [...args],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** The slope of a line through equidistant samples, per step. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [above, below] = [0, 0];
  values.forEach((value, at) => {
    above += (at - middle) * (value - mean);
    below += (at - middle) ** 2;
  });
  return below === 0 ? 0 : above / below;
}
