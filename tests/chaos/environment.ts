import type { Answer, Client, Person, Sent } from "./client.ts";
import type { Facts, Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";

/** What somebody does here. */
export type Kind = "learner" | "instructor" | "quiet";

/** A course as its instructor, or who learns it, remembers it. */
export interface KnownCourse {
  readonly id: string;
  readonly lessons: readonly string[];
}

/** Somebody in the crowd, with what they remember to have. */
export interface Member extends Person {
  readonly kind: Kind;
  readonly courses: Map<string, KnownCourse>;
  readonly enrollments: Map<string, KnownCourse>;
}

/** The crowd, what it knows, and the means to change it. */
export interface Environment {
  readonly client: Client;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly admin: Person;
  readonly people: Readonly<Record<Kind, Set<Member>>>;
  /** Who is in the middle of something: nobody does two things at a time. */
  readonly busy: Set<Member>;
  /** Courses that can be begun. */
  readonly published: Map<string, KnownCourse>;
  /** A text that nobody was given before. */
  newText(of: string): string;
}

/** How long a client leaves a system alone that gave no clear answer, in milliseconds. */
const patienceMs = 250;

/** Asks for a change, noted before and after; `observeVersion` tells what only the answer knows. */
export async function change(
  { client, ledger, random }: Environment,
  { operation, facts = {}, observeVersion, ...sent }: Sent & {
    readonly operation: string;
    readonly facts?: Facts;
    readonly observeVersion?: (answer: Answer) => Facts;
  },
): Promise<Answer> {
  const number = ledger.ensureLoaded(operation, facts);
  const answer = await client.send(sent);
  ledger.end(number, answer.ending, answer.ending === "ok" ? observeVersion?.(answer) : undefined);
  if (answer.ending === "unknown") {
    await new Promise((resolve) => setTimeout(resolve, patienceMs * (1 + random.fraction())));
  }
  return answer;
}

/** Signs somebody up, and gives them the role that their kind needs; undefined when that failed. */
export async function signUp(environment: Environment, kind: Kind): Promise<Member | undefined> {
  const email = `${environment.newText("person")}@edgepass.local`;
  const password = "a sentence that only I would think of";
  const name = environment.newText("Demo Person");
  const { ending, data } = await change(environment, {
    operation: "sign up",
    method: "POST",
    path: "/auth/signup",
    body: { email, password, name },
    observeVersion: ({ data: { id } }) => ({ [`account:${id}`]: "open" }),
  });
  if (ending !== "ok") return undefined;
  const id = String(data.id);
  const person = { id, email, password, kind, courses: new Map(), enrollments: new Map() };
  if (kind === "instructor") {
    const answer = await setRoles(environment, person, ["instructor", "learner"]);
    if (answer.ending !== "ok") return undefined;
  }
  environment.people[kind].add(person);
  return person;
}

/** Has the administrator give a person these roles, in the order of the alphabet. */
export async function setRoles(
  environment: Environment,
  { id }: Person,
  roles: readonly string[],
): Promise<Answer> {
  return await change(environment, {
    operation: "set roles",
    by: environment.admin,
    method: "PUT",
    path: `/auth/accounts/${id}/roles`,
    body: { roles },
    facts: { [`roles:${id}`]: roles.join() },
  });
}
