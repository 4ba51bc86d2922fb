import assert from "node:assert/strict";
import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Target } from "../targets.ts";
import { readOperations, rightful } from "./product_operations.ts";
import { createMint, type Mint } from "./product_tokens.ts";

/** A user with an account, logged in without cookies. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  /** A new access token of the login. */
  readonly token: string;
  readonly refreshToken: string;
}

/** A request of a test; a body that is not a string is sent as JSON. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly bearer?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An installation with users, a published course, a draft, and an enrolled learner. */
export interface Environment {
  readonly target: Target;
  readonly mint: Mint;
  readonly admin: Person;
  readonly teacher: Person;
  readonly learner: Person;
  /** An instructor and learner who owns none of the others' resources. */
  readonly other: Person;
  /** The id for each path parameter, of resources of `teacher` and `learner`. */
  readonly ids: Readonly<Record<"course" | "draft" | "lesson" | "enrollment" | "session", string>>;
  /** A resource of `learner` or `teacher` in each other collection, by its path. */
  readonly idsBelow: Readonly<Record<string, string>>;
  send(request: Sent): Promise<Response>;
  /** Refusals, by code and operation, already requested as problem details. */
  readonly seenAsProblem: Set<string>;
  /** All stored state visible to these users, for comparison before and after. */
  readState(): Promise<unknown>;
}

export const password = "a sentence that only I would think of";

export async function createEnvironment(target: Target): Promise<Environment> {
  const mint = await createMint(target.settings);
  const send = createSend(target);
  const admin = await logIn(send, target.admin);
  // In sequence: parallel password hashes could exceed the time limit on a busy machine.
  const teacher = await newPerson(send, admin, ["learner", "instructor"]);
  const learner = await newPerson(send, admin, ["learner"]);
  const other = await newPerson(send, admin, ["learner", "instructor"]);
  const ids = await createThings(send, { teacher, learner });
  const idsBelow = await createOthers(target, send, { admin, teacher, learner });
  const readState = () =>
    Promise.all([
      dataOf(send({ path: "/auth/accounts?limit=100", bearer: admin.token })),
      dataOf(send({ path: "/courses?mine=true", bearer: teacher.token })),
      dataOf(send({ path: `/courses/${ids.course}`, bearer: teacher.token })),
      dataOf(send({ path: `/courses/${ids.draft}`, bearer: teacher.token })),
      ...[teacher, learner, other].flatMap(({ token }) =>
        ["/users/me", "/auth/sessions", "/enrollments", ...Object.keys(idsBelow)].map((path) =>
          dataOf(send({ path, bearer: token }))
        )
      ),
    ]);
  const people = { admin, teacher, learner, other };
  return { target, mint, ...people, ids, idsBelow, send, seenAsProblem: new Set(), readState };
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

/** Another login of a user with an account. */
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

/** Collections of services that this suite does not know by name: one resource in each. */
async function createOthers(
  target: Target,
  send: Environment["send"],
  people: Pick<Environment, "admin" | "teacher" | "learner">,
): Promise<Record<string, string>> {
  const known = ["/courses", "/enrollments"];
  const operations = await readOperations(target);
  const made: Record<string, string> = {};
  for (const operation of operations) {
    const { method, template: path, example } = operation;
    const isCollection = operations.some(({ template }) => template === `${path}/{id}`);
    if (method !== "POST" || !isCollection || known.includes(path)) continue;
    const bearer = rightful(operation, people).token;
    made[path] = String((await dataOf(send({ method, path, bearer, body: example }), 201)).id);
  }
  return made;
}

/** The data of a success; any other response fails the test. */
export async function dataOf(pending: Promise<Response>, status = 200): Promise<Json> {
  const response = await pending;
  const text = await response.text();
  assert.equal(response.status, status, text);
  const envelope: unknown = JSON.parse(text);
  assert.ok(isObject(envelope) && envelope.success === true, text);
  return objectAt(envelope, "data");
}

/** Status and code in one text: enough to distinguish most responses. */
export async function outcomeOf(pending: Response | Promise<Response>): Promise<string> {
  const response = await pending;
  const text = await response.text();
  if (response.status < 400 || text === "") return String(response.status);
  const envelope: unknown = JSON.parse(text);
  assert.ok(isObject(envelope), text);
  return `${response.status} ${objectAt(envelope, "error").code}`;
}
