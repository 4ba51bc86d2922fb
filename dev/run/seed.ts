import * as z from "zod/mini";
import { type ApiClient, ApiFailure } from "../system/api_client.ts";
import { type DemoCourse, demoCourses } from "./courses.ts";
import type { demoPeople, DemoPerson } from "./people.ts";

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
