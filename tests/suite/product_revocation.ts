import assert from "node:assert/strict";
import {
  type Environment,
  logIn,
  newPerson,
  outcomeOf,
  password,
  type Person,
} from "./product_environment.ts";

/** What must take effect at the next request, and what must never be accepted again. */
export type ProductCase = (environment: Environment) => Promise<void>;

const post = (path: string, by: Person, body?: unknown) => ({
  method: "POST",
  path,
  bearer: by.token,
  ...(body === undefined ? {} : { body }),
});

function alive({ send }: Environment, { token }: Person): Promise<string> {
  return outcomeOf(send({ path: "/users/me", bearer: token }));
}

function refresh({ send }: Environment, { refreshToken }: Person): Promise<string> {
  const body = { grantType: "refresh_token", refreshToken };
  return outcomeOf(send({ method: "POST", path: "/auth/token", body }));
}

/** Every form of a revoked token is refused, and its login gets no new token. */
async function expectDead(
  environment: Environment,
  person: Person,
  refreshed: string,
): Promise<void> {
  assert.equal(await alive(environment, person), "401 token_revoked");
  const cookie = `access_token=${person.token}`;
  assert.equal(
    await outcomeOf(environment.send({ path: "/users/me", cookie })),
    "401 token_revoked",
  );
  assert.equal(await refresh(environment, person), refreshed);
}

const ready = "rv:ready";

/** The content of the revocation list, as a snapshot of Redis has it. */
async function takeSnapshot(
  { redis }: Environment["target"],
): Promise<ReadonlyMap<string, string>> {
  const keys = await redis("KEYS", "rv:[jsukr]*") as string[];
  const list = keys.filter((key) => !key.startsWith("rv:rebuild"));
  const values = await redis("MGET", ...list) as string[];
  return new Map(list.map((key, at) => [key, values[at] ?? ""]));
}

async function restore(
  { redis }: Environment["target"],
  snapshot: ReadonlyMap<string, string>,
): Promise<void> {
  await redis("DEL", ...await redis("KEYS", "rv:*") as string[]);
  await redis("MSET", ...[...snapshot].flat());
}

/** How a Redis may lose its latest writes, given its content before. */
const olderStates: Readonly<
  Record<string, (environment: Environment, before: ReadonlyMap<string, string>) => Promise<void>>
> = {
  "was restored from a snapshot": ({ target }, before) => restore(target, before),
  async "is another log's, however far that one has come"({ target }, before) {
    await restore(target, new Map([...before, [ready, "another-log:999999999"]]));
  },
  async "was filled by 0.1.0 before"({ target }, before) {
    await restore(target, new Map([...before, [ready, "1"]]));
  },
};

async function expectFilledAgain(
  environment: Environment,
  putBack: typeof olderStates[string],
): Promise<void> {
  const { send, admin, target } = environment;
  const loggedOut = await newPerson(send, admin, ["learner"]);
  const live = await logIn(send, environment.other);
  const before = await takeSnapshot(target);
  assert.equal(await outcomeOf(send(post("/auth/logout", loggedOut))), "204");
  assert.equal(await alive(environment, live), "200");

  await putBack(environment, before);
  assert.equal(await alive(environment, loggedOut), "503 revocation_unavailable");
  assert.ok(await becomes(environment, live, "200"), "good tokens pass again");
  assert.equal(await alive(environment, loggedOut), "401 token_revoked");
}

/**
 * Whether a user gets this outcome in the end; until then every user is refused, because the list
 * is incomplete.
 */
async function becomes(
  environment: Environment,
  person: Person,
  expected: string,
): Promise<boolean> {
  for (let round = 0; round < 400; round++) {
    const outcome = await alive(environment, person);
    if (outcome === expected) return true;
    assert.equal(outcome, "503 revocation_unavailable");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

export const productRevocation: Readonly<Record<string, ProductCase>> = {
  async "[S01] a logout is over at the next request, and only for its login"(environment) {
    const person = await newPerson(environment.send, environment.admin, ["learner"]);
    const elsewhere = await logIn(environment.send, person);
    assert.equal(await outcomeOf(environment.send(post("/auth/logout", person))), "204");
    await expectDead(environment, person, "401 refresh_invalid");
    assert.equal(await alive(environment, elsewhere), "200");

    assert.equal(await outcomeOf(environment.send(post("/auth/logout-all", elsewhere))), "204");
    await expectDead(environment, elsewhere, "401 refresh_invalid");
    assert.equal(await alive(environment, await logIn(environment.send, person)), "200");
  },

  async "[S04] a password change ends all logins but its own"(environment) {
    const person = await newPerson(environment.send, environment.admin, ["learner"]);
    const elsewhere = await logIn(environment.send, person);
    const next = "a sentence that nobody thinks of";
    const change = post("/auth/password", person, { current: password, next });
    assert.equal(await outcomeOf(environment.send(change)), "204");
    assert.equal(await alive(environment, person), "401 token_revoked");
    await expectDead(environment, elsewhere, "401 refresh_invalid");
    assert.equal(await refresh(environment, person), "200");
  },

  async "[S04] a change of role and a disabling take hold at the next request"(environment) {
    const { send, admin } = environment;
    const person = await newPerson(send, admin, ["learner"]);
    const account = `/auth/accounts/${person.id}`;
    const roles = { roles: ["learner", "instructor"] };
    const change = { ...post(`${account}/roles`, admin, roles), method: "PUT" };
    assert.equal(await outcomeOf(send(change)), "200");
    await expectDead(environment, person, "200");

    const teacher = await logIn(send, person);
    const course = { title: "Knots", summary: "All of them", tags: [] };
    assert.equal(await outcomeOf(send(post("/courses", teacher, course))), "201");
    assert.equal(await outcomeOf(send(post(`${account}/disable`, admin))), "200");
    await expectDead(environment, teacher, "401 refresh_invalid");
    assert.equal(await outcomeOf(send(post("/courses", teacher, course))), "401 token_revoked");
  },

  async "[F27] what must write a revocation is no fake success while Redis refuses to"(
    environment,
  ) {
    const { send, admin, target } = environment;
    const person = await newPerson(send, admin, ["learner"]);
    const changing = await newPerson(send, admin, ["learner"]);
    const account = `/auth/accounts/${person.id}`;
    const roles = { ...post(`${account}/roles`, admin, { roles: [] }), method: "PUT" };
    const next = "a sentence that nobody thinks of";
    const writing = [
      post("/auth/password", changing, { current: password, next }),
      post("/auth/logout", person),
      post("/auth/logout-all", person),
      roles,
      post(`${account}/disable`, admin),
    ];
    const other = await logIn(send, environment.other);
    const leaving = await logIn(send, person);
    target.setRedisReadOnly(true);
    try {
      // The log has it: nothing is left to retry, and a shared machine must not stay logged in.
      const { headers } = await send(post("/auth/logout", leaving));
      assert.equal(headers.getSetCookie().filter((it) => it.includes("Max-Age=0")).length, 2);
      for (const request of writing) {
        const outcome = await outcomeOf(send(request));
        assert.equal(outcome, "503 revocation_unavailable", request.path);
      }
      assert.equal(await alive(environment, other), "200");
      assert.equal(await refresh(environment, other), "200");
    } finally {
      target.setRedisReadOnly(false);
    }
    // The same requests, repeated, continue where they stopped.
    for (const request of writing.slice(3)) assert.equal(await outcomeOf(send(request)), "200");
    await expectDead(environment, person, "401 refresh_invalid");
    // The next push includes what was logged before it: the new password holds, too.
    assert.equal(await alive(environment, changing), "401 token_revoked");
    assert.equal(await refresh(environment, changing), "200");
  },

  async "[F25] an emptied Redis is filled again, and nothing that is revoked passes meanwhile"(
    environment,
  ) {
    const { send, admin, target } = environment;
    const [loggedOut, disabled] = [
      await newPerson(send, admin, ["learner"]),
      await newPerson(send, admin, ["learner"]),
    ];
    assert.equal(await outcomeOf(send(post("/auth/logout", loggedOut))), "204");
    const path = `/auth/accounts/${disabled.id}/disable`;
    assert.equal(await outcomeOf(send(post(path, admin))), "200");
    const live = await logIn(send, environment.other);
    assert.equal(await alive(environment, live), "200");

    await target.flushRedis();
    assert.equal(await alive(environment, loggedOut), "503 revocation_unavailable");
    const seen = new Map<Person, Set<string>>(
      [loggedOut, disabled, live].map((one) => [one, new Set()]),
    );
    for (let round = 0; round < 400; round++) {
      for (const [person, outcomes] of seen) outcomes.add(await alive(environment, person));
      if (seen.get(live)?.has("200")) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const person of [loggedOut, disabled]) {
      assert.equal(await alive(environment, person), "401 token_revoked");
      const others = [...seen.get(person) ?? []].filter((one) =>
        one !== "401 token_revoked" && one !== "503 revocation_unavailable"
      );
      assert.deepEqual(others, []);
    }
    assert.equal(await alive(environment, live), "200");
    assert.equal(await outcomeOf(send({ path: "/readyz" })), "200");
  },

  ...Object.fromEntries(
    Object.entries(olderStates).map(([what, putBack]): [string, ProductCase] => [
      `[F25] a Redis that ${what} accepts no logged-out user, and is rebuilt`,
      (environment) => expectFilledAgain(environment, putBack),
    ]),
  ),

  async "[F25] a Redis of 0.1.0, whose log position is unknown, is rebuilt once"(environment) {
    const { target } = environment;
    const live = await logIn(environment.send, environment.other);
    assert.equal(await alive(environment, live), "200");
    await target.redis("SET", ready, "1");
    assert.equal(await alive(environment, live), "503 revocation_unavailable");
    assert.ok(await becomes(environment, live, "200"));
    assert.notEqual(await target.redis("GET", ready), "1");
  },

  async "[F25] a Redis that was restored while no request came is rebuilt by the scheduled maintenance"(
    environment,
  ) {
    const { target, send, admin } = environment;
    const loggedOut = await newPerson(send, admin, ["learner"]);
    const before = await takeSnapshot(target);
    assert.equal(await outcomeOf(send(post("/auth/logout", loggedOut))), "204");
    const complete = await takeSnapshot(target);
    await restore(target, before);
    await target.maintain();
    const after = await takeSnapshot(target);
    assert.deepEqual([...after.keys()].sort(), [...complete.keys()].sort());
    assert.deepEqual(after.get(ready), complete.get(ready));
    assert.equal(await alive(environment, loggedOut), "401 token_revoked");
  },
};
