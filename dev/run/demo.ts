import * as z from "zod/mini";
import { type ApiClient, ApiFailure, createApiClient } from "../system/api_client.ts";
import { type Workspace, writeText } from "../workspace/workspace.ts";
import type { Logs } from "./logs.ts";
import type { Settings } from "../workspace/settings.ts";

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
    await retryWhileBusy(() => seed(api, people));
    writeText(path, new Date().toISOString());
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    logs.report("warn", `Demo data is missing: ${reason}`);
  } finally {
    api.close();
  }
}

const attempts = 10;

/**
 * Repeats work that the system refused for now: a machine that still compiles everything may be
 * slower than the gateway waits for a service.
 *
 * @throws what the last attempt threw, or the first that no waiting would change
 */
export async function retryWhileBusy<Result>(
  work: () => Promise<Result>,
  pause = () => new Promise<void>((resolve) => setTimeout(resolve, 2_000)),
): Promise<Result> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isBusy = error instanceof ApiFailure && (error.status === 429 || error.status >= 500);
      if (!isBusy || attempt === attempts) throw error;
    }
    await pause();
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

const Token = z.object({ accessToken: z.string() });
const Account = z.object({ id: z.string(), email: z.string(), roles: z.array(z.string()) });
const Accounts = z.object({ items: z.array(Account) });
const Courses = z.object({ items: z.array(z.object({ id: z.string(), title: z.string() })) });
const Lessons = z.array(z.object({ title: z.string() }));
const Course = z.object({ id: z.string(), state: z.string(), lessons: Lessons });

/**
 * Brings the demo people and courses into a running system, by its public API alone.
 *
 * What is there already stays as it is, so a seeding that was cut short is finished by the next.
 *
 * @throws {ApiFailure} when the system refuses, its administrator's password among others
 */
export async function seed(api: ApiClient, people: ReturnType<typeof demoPeople>): Promise<void> {
  const admin = await logIn(api, people.admin);
  await signUp(api, people.learner);
  await signUp(api, people.instructor);
  await giveInstructorRole(api, admin, people.instructor);
  const token = await logIn(api, people.instructor);
  const own = z.parse(Courses, await api.call("GET", "/courses?mine=true&limit=100", { token }));
  for (const course of demoCourses) {
    const id = own.items.find(({ title }) => title === course.title)?.id;
    await teach(api, token, course, id);
  }
}

async function logIn(api: ApiClient, { email, password }: DemoPerson): Promise<string> {
  const body = { grantType: "password", email, password };
  return z.parse(Token, await api.call("POST", "/auth/token", { body })).accessToken;
}

async function signUp(api: ApiClient, { name, email, password }: DemoPerson): Promise<void> {
  try {
    await api.call("POST", "/auth/signup", { body: { name, email, password } });
  } catch (error) {
    if (!(error instanceof ApiFailure && error.code === "email_taken")) throw error;
  }
}

async function giveInstructorRole(
  api: ApiClient,
  token: string,
  { email }: DemoPerson,
): Promise<void> {
  const query = new URLSearchParams({ q: email, limit: "100" });
  const { items } = z.parse(Accounts, await api.call("GET", `/auth/accounts?${query}`, { token }));
  const account = items.find((candidate) => candidate.email === email);
  if (!account) throw new ApiFailure("GET /auth/accounts", 200, "without the demo instructor");
  if (account.roles.includes("instructor")) return;
  const body = { roles: [...account.roles, "instructor"] };
  await api.call("PUT", `/auth/accounts/${account.id}/roles`, { token, body });
}

async function teach(
  api: ApiClient,
  token: string,
  { title, summary, tags, lessons, isPublished }: DemoCourse,
  existingId: string | undefined,
): Promise<void> {
  const made = existingId === undefined
    ? await api.call("POST", "/courses", { token, body: { title, summary, tags } })
    : await api.call("GET", `/courses/${existingId}`, { token });
  const course = z.parse(Course, made);
  const present = new Set(course.lessons.map((lesson) => lesson.title));
  for (const lesson of lessons) {
    if (present.has(lesson.title)) continue;
    await api.call("POST", `/courses/${course.id}/lessons`, { token, body: lesson });
  }
  if (isPublished && course.state === "draft") {
    await api.call("POST", `/courses/${course.id}/publish`, { token });
  }
}

/** A course of the demo data. */
export interface DemoCourse {
  readonly title: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly isPublished: boolean;
  readonly lessons: readonly { readonly title: string; readonly content: string }[];
}

/** What the demo instructor teaches. */
export const demoCourses: readonly DemoCourse[] = [
  {
    title: "Sailing for beginners",
    summary: "Knots, wind, and the way home: everything for a first season on a small lake.",
    tags: ["sailing", "outdoors"],
    isPublished: true,
    lessons: [
      {
        title: "The bowline",
        content: "The rabbit comes out of its hole, goes round the tree, and back into the hole.",
      },
      {
        title: "Where the wind comes from",
        content: "Turn your face until both ears hear the same. That is where the wind is.",
      },
      {
        title: "Coming back to the jetty",
        content: "Approach against the wind, slower than you think you have to.",
      },
    ],
  },
  {
    title: "Bread from four ingredients",
    summary: "Flour, water, salt, time. One dough, and what becomes of it.",
    tags: ["baking"],
    isPublished: true,
    lessons: [
      {
        title: "Weighing",
        content: "Water is counted in percent of the flour: 700 g on 1000 g is a dough of 70 %.",
      },
      {
        title: "Folding instead of kneading",
        content: "Four folds, half an hour apart, do what ten minutes of kneading do.",
      },
    ],
  },
  {
    title: "Reading the night sky",
    summary: "Still being written: five constellations that lead to all others.",
    tags: ["astronomy", "outdoors"],
    isPublished: false,
    lessons: [
      { title: "The plough", content: "Five times the distance of its two last stars is Polaris." },
    ],
  },
];

/** A person to log in as. */
export interface DemoPerson {
  readonly role: "admin" | "instructor" | "learner";
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/**
 * The password of the demo instructor and the demo learner, the same everywhere, so that a tour can
 * be copied. The administrator's is generated once for each workspace: a stranger who reaches a dev
 * system, through a forwarded port perhaps, must not be able to look up the one account that
 * assigns roles.
 */
export const demoPassword = "learn-at-the-edge";

/** The demo people of a system. */
export function demoPeople({ ADMIN_EMAIL, ADMIN_PASSWORD }: Settings) {
  return {
    admin: {
      role: "admin",
      name: "Administrator",
      email: ADMIN_EMAIL,
      password: ADMIN_PASSWORD,
    },
    instructor: {
      role: "instructor",
      name: "Demo Instructor",
      email: "instructor@edgepass.local",
      password: demoPassword,
    },
    learner: {
      role: "learner",
      name: "Demo Learner",
      email: "learner@edgepass.local",
      password: demoPassword,
    },
  } as const satisfies Record<DemoPerson["role"], DemoPerson>;
}
