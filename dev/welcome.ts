import { toBanner } from "./banner.ts";
import { seedOnce } from "./demo_data.ts";
import type { Home } from "./home.ts";
import { describeLastRun } from "./last_run.ts";
import type { Logs } from "./logs.ts";
import { type Mode, modes } from "./modes.ts";
import type { RunningObserver } from "./observe/mod.ts";
import type { Paint } from "./paint.ts";
import { demoPeople } from "./people.ts";
import { type Given, serviceNames, services, type Settings, toDashboard } from "./settings.ts";

export interface WelcomeOptions {
  readonly mode: Mode;
  readonly home: Home;
  readonly given: Given;
  readonly settings: Settings;
  /** The authority that the gateway answers for. */
  readonly host: string;
  readonly observer: Pick<RunningObserver, "untold" | "told">;
  readonly logs: Logs;
  readonly paint: Paint;
  readonly startedAt: number;
}

/** Brings the demo people, tells how to go on, and from then on shows what the system says. */
export async function welcome(options: WelcomeOptions): Promise<void> {
  const { mode, home, given, settings, host, observer, logs, paint, startedAt } = options;
  const people = demoPeople(settings);
  const port = Number(settings.PORT);
  await seedOnce({ home, marker: modes[mode].seeded, port, host, people, logs });
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
    lastRun: describeLastRun(observer.untold, paint),
    people: [admin, people.instructor, people.learner],
    home: home.root,
    services: mode === "apart" ? placesOf(settings) : [],
    seconds: (performance.now() - startedAt) / 1000,
    paint,
  }));
  observer.told();
  logs.showAll(true);
}

function placesOf(settings: Settings): [name: string, url: string][] {
  return serviceNames.map((name) => [name, settings[services[name].place]]);
}
