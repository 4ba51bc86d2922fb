import { createApiClient } from "../system/api_client.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { writeText } from "../workspace/state_file.ts";
import type { Logs } from "./logs.ts";
import type { demoPeople } from "./people.ts";
import { seed } from "./seed.ts";

export interface DemoDataOptions {
  readonly workspace: Workspace;
  /** File that records that it was done, inside the workspace; one for each set of databases. */
  readonly marker: string;
  readonly port: number;
  readonly host: string;
  readonly people: ReturnType<typeof demoPeople>;
  readonly logs: Logs;
}

/**
 * Seeds a system once: a demo course that was deleted afterwards does not come back.
 *
 * A system that refuses the administrator's login runs on without: its data is not dev's own.
 */
export async function seedOnce(
  { workspace, marker, port, host, people, logs }: DemoDataOptions,
): Promise<void> {
  const path = workspace.at(...marker.split("/"));
  if (exists(path)) return;
  const api = createApiClient({ port, host });
  try {
    await seed(api, people);
    writeText(path, new Date().toISOString());
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    logs.report("warn", `Demo data is not there: ${reason}`);
  } finally {
    api.close();
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
