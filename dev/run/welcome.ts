import { demoPeople, type DemoPerson, seedOnce } from "./demo.ts";
import { type Mode, modes, type Workspace } from "../workspace/workspace.ts";
import { describeLastRun } from "./last_run.ts";
import type { Logs } from "./logs.ts";
import type { RunningObserver } from "../collector/mod.ts";
import type { Ansi } from "../terminal/text.ts";
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

export interface BannerOptions {
  /** How the system runs, in a few words. */
  readonly mode: string;
  readonly origin: string;
  /** Where the gateway listens; a public origin elsewhere does not show it. */
  readonly address: string;
  /** The origin of the dashboard. */
  readonly dashboard: string;
  /** The QStash that events go through. */
  readonly qstash: string;
  /** The recommender that suggestions come from. */
  readonly recommender: string;
  /** Whether it is dev's own, whose faults can be turned on and off. */
  readonly hasFaults: boolean;
  /** How the run before ended, where that is worth showing. */
  readonly lastRun: readonly string[];
  readonly people: readonly DemoPerson[];
  readonly workspace: string;
  /** Name and URL of services in processes of their own. */
  readonly services: readonly (readonly [name: string, url: string])[];
  readonly seconds: number;
  readonly ansi: Ansi;
}

const labelWidth = 16;

/** What a developer needs who has just started the system; 80 columns where URLs are short. */
export function toBanner(options: BannerOptions): string {
  const { mode, origin, address, dashboard, people, workspace, services, seconds, ansi } = options;
  const row = (label: string, text: string) => `  ${ansi("dim", label.padEnd(labelWidth))}${text}`;
  const title = (text: string) => ansi("bold", text);
  const widest = Math.max(...people.map(({ email }) => email.length));
  return [
    "",
    `  ${title("Edgepass")} is ready after ${seconds.toFixed(1)} s, ${mode}.`,
    "",
    row("Gateway", title(origin)),
    ...(origin === address ? [] : [row("Listens on", address)]),
    row("Dashboard", dashboard),
    row("API pages", `${origin}/docs`),
    row("OpenAPI", `${origin}/openapi.json`),
    row("QStash", options.qstash),
    row("Recommender", options.recommender),
    ...services.map(([name, url]) => row(name, url)),
    "",
    `  ${title("Log in as")}`,
    ...people.map(({ role, email, password }) =>
      row(role, `${email.padEnd(widest)}  ${title(password)}`)
    ),
    "",
    `  ${title("Try")}`,
    `  curl -s ${origin}/courses`,
    ...tryLogin(origin, people),
    ...(options.hasFaults ? tryOutage(options.recommender) : []),
    "",
    row("State", workspace),
    row("Settings", `${workspace}/dev.env  (deno run --env-file=…)`),
    row("Logs", `${workspace}/logs/<service>.jsonl`),
    "",
    ...options.lastRun.flatMap((line) => [`  ${line}`]),
    ...(options.lastRun.length === 0 ? [] : [""]),
    `  ${ansi("dim", "Ctrl-C stops everything; the state remains.")}`,
    "",
  ].join("\n");
}

function tryLogin(origin: string, people: readonly DemoPerson[]): string[] {
  const learner = people.find(({ role }) => role === "learner");
  if (!learner) return [];
  const body = JSON.stringify({ email: learner.email, password: learner.password });
  return [
    `  curl -s -c jar ${origin}/auth/login --json \\`,
    `    '${body}'`,
    `  curl -s -b jar ${origin}/users/me`,
  ];
}

function tryOutage(recommender: string): string[] {
  return [`  curl -X PUT ${recommender}/faults --json '{"down":true}'  # {}: on`];
}
