import assert from "node:assert/strict";
import type { Page, RequestDetail, RequestRow } from "../../dev/collector/api.ts";
import type { DevSystem } from "./dev_system.ts";
import { waitUntil } from "./wait.ts";

/** Programs export spans after 200 ms, and lines are stored after 50 ms. */
export const seenWithinMs = 30_000;

/** A response of a system's dashboard. */
export async function fetchFromDashboard<Body>(system: DevSystem, path: string): Promise<Body> {
  const response = await fetch(`http://127.0.0.1:${system.dashboardPort}${path}`);
  assert.equal(response.status, 200, path);
  return await response.json();
}

/** The trace of a request on the dashboard, once it has everything that is expected. */
export async function traceOf(
  system: DevSystem,
  response: Response,
  isWhole: (detail: RequestDetail) => boolean,
): Promise<RequestDetail> {
  await response.body?.cancel();
  const traceId = response.headers.get("x-trace-id") ?? "";
  const found: RequestDetail[] = [];
  await waitUntil(`the dashboard shows all of ${traceId}`, async () => {
    const { items } = await fetchFromDashboard<Page<RequestRow>>(
      system,
      `/api/requests?q=${traceId}`,
    );
    if (items.length === 0) return false;
    found.unshift(await fetchFromDashboard<RequestDetail>(system, `/api/requests/${traceId}`));
    return found.slice(0, 1).some(isWhole);
  }, seenWithinMs);
  const [detail] = found;
  assert.ok(detail);
  return detail;
}

/** Whether the trace has the server spans and lines of these services. */
export function isServedBy(...names: readonly string[]) {
  return ({ spans, logs }: RequestDetail): boolean =>
    names.every((name) =>
      spans.some(({ kind, service }) => kind === "server" && service === name) &&
      logs.some(({ service }) => service === name)
    );
}
