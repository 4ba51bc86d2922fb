import { createClient } from "./client.ts";
import { drain } from "./drain.ts";
import { drive } from "./drive.ts";
import { setFaults } from "./faults.ts";
import { createFindings, type Findings } from "./findings.ts";
import { readHistory } from "./history.ts";
import { createExecutioner, planKills } from "./kills.ts";
import { openLedger, readLedger } from "./ledger.ts";
import { checkEvents } from "./oracle_events.ts";
import { checkLedger } from "./oracle_ledger.ts";
import { checkState } from "./oracle_state.ts";
import { createRandom } from "./random.ts";
import type { Report } from "./report.ts";
import { readState } from "./state.ts";
import { services, startSystem, type System } from "./system.ts";
import { type Environment, type Kind, signUp } from "./environment.ts";

/** The options of a run. */
export interface ChaosOptions {
  /** Number of changes that must succeed. */
  readonly changes: number;
  readonly people: number;
  readonly kills: number;
  readonly seed: number;
  /** Whether some processes stay down for longer than QStash retries. */
  readonly isLong: boolean;
  /** A folder for databases, ledger and logs. */
  readonly workspace: string;
  /** How often each fault of QStash occurs. */
  readonly rounds: number;
  readonly maxDrainMs: number;
  /** Receives the progress. */
  readonly onProgress?: (text: string) => void;
}

/** Runs a crowd on a system that keeps failing, lets the system drain, and checks the result. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { workspace, changes, kills, isLong, rounds, maxDrainMs, onProgress } = options;
  await using system = await startSystem({ workspace });
  const ledgerFile = `${workspace}/ledger.jsonl`;
  using ledger = openLedger(ledgerFile);
  const environment = createEnvironment(system, { ledger, seed: options.seed });
  await invite(environment, options.people);
  onProgress?.(`${options.people} people have signed up`);
  const executioner = createExecutioner(system, planKills(kills, { isLong }));
  const startedAt = performance.now();
  await drive(environment, {
    system,
    executioner,
    changes,
    rounds,
    ...(onProgress ? { onProgress: reportEveryTenth(onProgress, system) } : {}),
  });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  await executioner.finish();
  await setFaults(system, {});
  onProgress?.("faults are over");
  const drained = await drain(system, maxDrainMs);
  const { findings, summary } = judge(system, ledgerFile);
  const { ok, fail, unknown } = ledger.counts;
  const changing = `changes: ${ok} ok, ${fail} refused, ${unknown} unknown, in ${seconds} s`;
  return { findings, deaths: [...system.deaths], drained, notes: [changing, summary] };
}

/** Checks a drained system for errors. */
function judge(
  { databases }: System,
  ledgerFile: string,
): { findings: Findings; summary: string } {
  const findings = createFindings();
  const history = readHistory(databases);
  const state = readState(databases);
  checkEvents(history, findings);
  checkState({ state, history, findings });
  checkLedger(readLedger(ledgerFile), { state, history, findings });
  const consumed = services.flatMap((name) => history.audits[name])
    .filter(({ what }) => what === "consumed").length;
  const summary =
    `events: ${history.published.length} published, of ${state.accounts.size} people; ` +
    `${consumed} effects`;
  return { findings, summary };
}

function createEnvironment(
  system: System,
  { ledger, seed }: { ledger: Environment["ledger"]; seed: number },
): Environment {
  let texts = 0;
  return {
    client: createClient(system.origin),
    ledger,
    random: createRandom(seed),
    admin: { id: "admin", ...system.admin },
    people: { learner: new Set(), instructor: new Set(), quiet: new Set() },
    busy: new Set(),
    published: new Map(),
    newText: (of) => `${of} ${++texts}`.replaceAll(" ", of === "person" ? "-" : " "),
  };
}

/** Hashing a password takes a core for a while, so a few at a time are as fast as all at once. */
const guestsAtOnce = 4;

async function invite(environment: Environment, people: number): Promise<void> {
  await environment.client.logIn(environment.admin);
  const kindOf = (at: number): Kind =>
    at % 10 < 6 ? "learner" : at % 10 < 9 ? "instructor" : "quiet";
  const waiting = Array.from({ length: people }, (_, at) => kindOf(at));
  const work = async () => {
    for (let kind = waiting.pop(); kind !== undefined; kind = waiting.pop()) {
      await signUp(environment, kind);
    }
  };
  await Promise.all(Array.from({ length: guestsAtOnce }, work));
}

function reportEveryTenth(report: (text: string) => void, system: System) {
  let reported = 0;
  return function onProgress(progress: number): void {
    const tenth = Math.min(10, Math.floor(progress * 10));
    if (tenth <= reported) return;
    reported = tenth;
    report(`${tenth * 10} % of the changes, ${system.deaths.length} kills`);
  };
}
