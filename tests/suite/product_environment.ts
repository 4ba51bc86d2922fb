import assert from "node:assert/strict";
import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Target } from "../targets.ts";
import { createMint, type Mint } from "./product_tokens.ts";

/** Somebody with an account, logged in without cookies. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  /** A fresh access token of their login. */
  readonly token: string;
  readonly refreshToken: string;
}

/** What a test sends; a body that is no text goes as JSON. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly bearer?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An installation with people, a published course, a draft, and somebody who learns. */
export interface Environment {
  readonly target: Target;
  readonly mint: Mint;
  readonly admin: Person;
  readonly teacher: Person;
  readonly learner: Person;
  /** An instructor and a learner to whom nothing of the others belongs. */
  readonly other: Person;
  /** Where each parameter of a path leads, to things of `teacher` and `learner`. */
  readonly ids: Readonly<Record<"course" | "draft" | "lesson" | "enrollment" | "session", string>>;
  send(request: Sent): Promise<Response>;
  /** Refusals, by code and operation, that were asked for as problem details already. */
  readonly seenAsProblem: Set<string>;
  /** All that these people can see of what is stored, to be compared before and after. */
  readState(): Promise<unknown>;
}

export const password = "a sentence that only I would think of";

export async function createEnvironment(target: Target): Promise<Environment> {
  const mint = await createMint(target.settings);
  const send = createSend(target);
  const admin = await logIn(send, target.admin);
  // One after the other: several hashes at once would take longer than a busy machine may.
  const teacher = await newPerson(send, admin, ["learner", "instructor"]);
  const learner = await newPerson(send, admin, ["learner"]);
  const other = await newPerson(send, admin, ["learner", "instructor"]);
  const ids = await createThings(send, { teacher, learner });
  const readState = () =>
    Promise.all([
      dataOf(send({ path: "/auth/accounts?limit=100", bearer: admin.token })),
      dataOf(send({ path: "/courses?mine=true", bearer: teacher.token })),
      dataOf(send({ path: `/courses/${ids.course}`, bearer: teacher.token })),
      dataOf(send({ path: `/courses/${ids.draft}`, bearer: teacher.token })),
      ...[teacher, learner, other].flatMap(({ token }) =>
        ["/users/me", "/auth/sessions", "/enrollments"].map((path) =>
          dataOf(send({ path, bearer: token }))
        )
      ),
    ]);
  const people = { admin, teacher, learner, other };
  return { target, mint, ...people, ids, send, seenAsProblem: new Set(), readState };
}

function createSend(target: Target): Environment["send"] {
  return async function send({ method = "GET", path, bearer, cookie, headers = {}, body }) {
    return await target.fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(cookie === undefined ? {} : { cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: toBody(body) }),
    });
  };
}

function toBody(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

export async function signUp(send: Environment["send"], name = "Demo Learner") {
  const email = `${crypto.randomUUID()}@edgepass.local`;
  const body = { email, password, name };
  const { id } = await dataOf(send({ method: "POST", path: "/auth/signup", body }), 201);
  return { id: String(id), email, password };
}

/** Another login of somebody who has an account. */
export async function logIn(
  send: Environment["send"],
  { email, password }: Pick<Person, "email" | "password">,
): Promise<Person> {
  const body = { grantType: "password", email, password };
  const tokens = await dataOf(send({ method: "POST", path: "/auth/token", body }));
  const [token, refreshToken] = [String(tokens.accessToken), String(tokens.refreshToken)];
  const me = await dataOf(send({ path: "/users/me", bearer: token }));
  return { id: String(me.id), email, password, token, refreshToken };
}

export async function newPerson(
  send: Environment["send"],
  admin: Person,
  roles: readonly string[],
): Promise<Person> {
  const person = await signUp(send);
  const path = `/auth/accounts/${person.id}/roles`;
  await dataOf(send({ method: "PUT", path, bearer: admin.token, body: { roles } }));
  return await logIn(send, person);
}

async function createThings(
  send: Environment["send"],
  { teacher, learner }: { teacher: Person; learner: Person },
): Promise<Environment["ids"]> {
  const make = async (by: Person, path: string, body: unknown, status = 201) =>
    String((await dataOf(send({ method: "POST", path, bearer: by.token, body }), status)).id);
  const about = { summary: "Knots, wind, and the way home", tags: [] };
  const course = await make(teacher, "/courses", { ...about, title: "Sailing" });
  const draft = await make(teacher, "/courses", { ...about, title: "A draft" });
  const content = { title: "The bowline", content: "Out of the hole" };
  const lesson = await make(teacher, `/courses/${course}/lessons`, content);
  await make(teacher, `/courses/${course}/publish`, undefined, 200);
  const enrollment = await make(learner, "/enrollments", { courseId: course });
  const sessions = await dataOf(send({ path: "/auth/sessions", bearer: learner.token }));
  const [session] = Array.isArray(sessions.items) ? sessions.items : [];
  assert.ok(isObject(session));
  return { course, draft, lesson, enrollment, session: String(session.id) };
}

/** The data of a success; anything else fails the test. */
export async function dataOf(pending: Promise<Response>, status = 200): Promise<Json> {
  const response = await pending;
  const text = await response.text();
  assert.equal(response.status, status, text);
  const answer: unknown = JSON.parse(text);
  assert.ok(isObject(answer) && answer.success === true, text);
  return objectAt(answer, "data");
}

/** Status and code, in one text: enough to tell most answers apart. */
export async function outcomeOf(pending: Response | Promise<Response>): Promise<string> {
  const response = await pending;
  const text = await response.text();
  if (response.status < 400 || text === "") return String(response.status);
  const answer: unknown = JSON.parse(text);
  assert.ok(isObject(answer), text);
  return `${response.status} ${objectAt(answer, "error").code}`;
}
