import { Session } from "node:inspector/promises";
import { projectRoot } from "../support/markdown.ts";
import { createEnvironment } from "../suite/product_environment.ts";
import { targets } from "../targets.ts";
import { type Executed, readCoverage } from "./coverage.ts";

/** Before these have run, a request also fills caches and reads the configuration. */
const warmUps = 20;
/** A timer of the process may run during one request, but hardly during each. */
const rounds = 5;

/**
 * The source files that one warm authenticated `GET /users/me` executes, gateway and services in
 * one process, by V8's precise coverage. The client, Redis and the server around the application
 * belong to the test and are not counted.
 */
export async function measureWarmRequest(): Promise<Executed> {
  await using target = await targets["Deno, all in one"]();
  const { learner, send } = await createEnvironment(target);
  const request = async (): Promise<void> => {
    const response = await send({ path: "/users/me", bearer: learner.token });
    await response.text();
    // The coverage of a refusal would be a flattering figure.
    if (response.status !== 200) throw new Error(`GET /users/me has status ${response.status}`);
  };
  for (let sent = 0; sent < warmUps; sent++) await request();
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    const measured: Executed[] = [];
    for (let round = 0; round < rounds; round++) {
      // Taking the coverage sets the counters back to zero.
      await session.post("Profiler.takePreciseCoverage");
      await request();
      const { result } = await session.post("Profiler.takePreciseCoverage");
      measured.push(readCoverage(result, projectRoot));
    }
    return measured.reduce((least, other) => other.size < least.size ? other : least);
  } finally {
    session.disconnect();
  }
}
