import type { Client, Outcome, Person, Sent } from "./client.ts";
import type { Facts, Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";

/** The kinds of users. */
export type Kind = "learner" | "instructor" | "quiet";

/** A course as its instructor, or its learner, remembers it. */
export interface KnownCourse {
  readonly id: string;
  readonly lessons: readonly string[];
}

/** A user of the crowd, with the resources that the user remembers. */
export interface Member extends Person {
  readonly kind: Kind;
  readonly courses: Map<string, KnownCourse>;
  readonly enrollments: Map<string, KnownCourse>;
}

/** The crowd, its shared state, and the means to change it. */
export interface Environment {
  readonly client: Client;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly admin: Person;
  readonly people: Readonly<Record<Kind, Set<Member>>>;
  /** Users with an action in progress: a user does one thing at a time. */
  readonly busy: Set<Member>;
  /** Courses that users can enroll in. */
  readonly published: Map<string, KnownCourse>;
  /** A unique text. */
  newText(of: string): string;
}

/** Pause of a client after a response with an unknown outcome, in milliseconds. */
const patienceMs = 250;

/**
 * Sends a change, with a ledger entry before and after; `factsOf` adds facts that only the response
 * has.
 */
export async function change(
  { client, ledger, random }: Environment,
  { operation, facts = {}, factsOf, ...sent }: Sent & {
    readonly operation: string;
    readonly facts?: Facts;
    readonly factsOf?: (outcome: Outcome) => Facts;
  },
): Promise<Outcome> {
  const number = ledger.begin(operation, facts);
  const outcome = await client.send(sent);
  ledger.end(number, outcome.ending, outcome.ending === "ok" ? factsOf?.(outcome) : undefined);
  if (outcome.ending === "unknown") {
    await new Promise((resolve) => setTimeout(resolve, patienceMs * (1 + random.fraction())));
  }
  return outcome;
}

/** Signs a user up, and grants the role of the kind; undefined where that failed. */
export async function signUp(environment: Environment, kind: Kind): Promise<Member | undefined> {
  const email = `${environment.newText("person")}@edgepass.local`;
  const password = "a sentence that only I would think of";
  const name = environment.newText("Demo Person");
  const { ending, data } = await change(environment, {
    operation: "sign up",
    method: "POST",
    path: "/auth/signup",
    body: { email, password, name },
    factsOf: ({ data: { id } }) => ({ [`account:${id}`]: "open" }),
  });
  if (ending !== "ok") return undefined;
  const id = String(data.id);
  const person = { id, email, password, kind, courses: new Map(), enrollments: new Map() };
  if (kind === "instructor") {
    const outcome = await setRoles(environment, person, ["instructor", "learner"]);
    if (outcome.ending !== "ok") return undefined;
  }
  environment.people[kind].add(person);
  return person;
}

/** Sets a user's roles as the administrator, in alphabetical order. */
export async function setRoles(
  environment: Environment,
  { id }: Person,
  roles: readonly string[],
): Promise<Outcome> {
  return await change(environment, {
    operation: "set roles",
    by: environment.admin,
    method: "PUT",
    path: `/auth/accounts/${id}/roles`,
    body: { roles },
    facts: { [`roles:${id}`]: roles.join() },
  });
}
