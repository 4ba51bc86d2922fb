import { toBanner } from "./banner.ts";
import { seedOnce } from "./demo_data.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { describeLastRun } from "./last_run.ts";
import type { Logs } from "./logs.ts";
import { type Mode, modes } from "../workspace/modes.ts";
import type { RunningObserver } from "../collector/mod.ts";
import type { Ansi } from "../terminal/ansi.ts";
import { demoPeople } from "./people.ts";
import {
  type Given,
  serviceNames,
  services,
  type Settings,
  toDashboard,
} from "../workspace/settings.ts";

export interface WelcomeOptions {
  readonly mode: Mode;
  readonly workspace: Workspace;
  readonly given: Given;
  readonly settings: Settings;
  /** The host name that the gateway serves. */
  readonly host: string;
  readonly observer: Pick<RunningObserver, "unreported" | "reported">;
  readonly logs: Logs;
  readonly ansi: Ansi;
  readonly startedAt: number;
}

/** Seeds the demo people, prints the next steps, and from then on shows the system's log. */
export async function welcome(options: WelcomeOptions): Promise<void> {
  const { mode, workspace, given, settings, host, observer, logs, ansi, startedAt } = options;
  const people = demoPeople(settings);
  const port = Number(settings.PORT);
  await seedOnce({ workspace, marker: modes[mode].seeded, port, host, people, logs });
  const isGiven = given.ADMIN_PASSWORD !== undefined;
  const admin = isGiven ? { ...people.admin, password: "(your ADMIN_PASSWORD)" } : people.admin;
  console.log(toBanner({
    mode: modes[mode].words,
    origin: settings.PUBLIC_ORIGIN,
    address: `http://127.0.0.1:${port}`,
    dashboard: toDashboard(settings.DASHBOARD_PORT),
    qstash: settings.QSTASH_URL,
    recommender: settings.RECOMMENDER_URL,
    hasFaults: given.RECOMMENDER_URL === undefined,
    lastRun: describeLastRun(observer.unreported, ansi),
    people: [admin, people.instructor, people.learner],
    workspace: workspace.root,
    services: mode === "apart" ? placesOf(settings) : [],
    seconds: (performance.now() - startedAt) / 1000,
    ansi,
  }));
  observer.reported();
  logs.showAll(true);
}

function placesOf(settings: Settings): [name: string, url: string][] {
  return serviceNames.map((name) => [name, settings[services[name].place]]);
}
