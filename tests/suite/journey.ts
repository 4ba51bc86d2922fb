import assert from "node:assert/strict";
import type { Documented } from "../support/documented.ts";
import {
  createVisitor,
  expectData,
  expectDone,
  expectRefusal,
  type Site,
  type Visitor,
} from "../support/visitor.ts";

/** An installation with its administrator. */
export interface JourneySite extends Site {
  readonly admin: { readonly email: string; readonly password: string };
}

interface Environment {
  readonly site: JourneySite;
  readonly documented: Documented;
}

interface Person extends Visitor {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

const unknownId = "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f";
const accessCookie = "access_token";
const refreshCookie = "refresh_token";

/** The life of an account, from sign-up to deletion; every case creates its own users. */
export const journey: Readonly<Record<string, (environment: Environment) => Promise<void>>> = {
  "the served OpenAPI document equals the golden document": async ({ site, documented }) => {
    const response = await site.fetch("/openapi.json");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), documented.document);
  },

  "a user signs up, logs in, and has a profile": async (environment) => {
    const person = await signUp(environment, "Demo Learner");
    const { api } = person;
    const body = { email: person.email, password: person.password, name: "Again" };
    await expectRefusal(api.POST("/auth/signup", { body }), 409, "email_taken");
    const wrong = { email: person.email, password: "not the right sentence" };
    await expectRefusal(api.POST("/auth/login", { body: wrong }), 401, "credentials_invalid");
    await expectRefusal(api.GET("/users/me"), 401, "authentication_required");

    await logIn(person);
    const profile = await expectData(api.GET("/users/me"));
    assert.deepEqual([profile.id, profile.name], [person.id, "Demo Learner"]);
    const changed = await expectData(
      api.PATCH("/users/me", { body: { headline: "Learns to sail", locale: "pt-BR" } }),
    );
    assert.deepEqual([changed.headline, changed.locale], ["Learns to sail", "pt-BR"]);

    const other = await newPerson(environment, "Demo Instructor");
    const params = { path: { id: person.id } };
    const seen = await expectData(other.api.GET("/users/{id}", { params }));
    assert.deepEqual([seen.name, seen.headline], ["Demo Learner", "Learns to sail"]);
    assert.ok(!("email" in seen) && !("locale" in seen));
  },

  "an instructor teaches and a learner learns": async (environment) => {
    const teacher = await newInstructor(environment);
    const learner = await newPerson(environment, "Demo Learner");
    const course = await teach(teacher);
    await learnCourse(learner, course);
  },

  "lists are paginated": async (environment) => {
    const teacher = await newInstructor(environment);
    const tag = `t${crypto.randomUUID().slice(0, 8)}`;
    const made: string[] = [];
    for (const title of ["Knots", "Wind", "Tides"]) {
      const { id } = await publish(teacher, { title, tags: [tag] });
      made.push(id);
    }
    const { api } = createVisitor(environment.site, environment.documented);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { tag, limit: 2, ...(cursor === undefined ? {} : { cursor }) };
      const page = await expectData(api.GET("/courses", { params: { query } }));
      found.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    assert.deepEqual(found, made.toReversed());
    for (const query of [{ limit: 0 }, { limit: 101 }, { cursor: "not-a-cursor" }]) {
      const pending = api.GET("/courses", { params: { query } });
      await expectRefusal(pending, 422, "validation_failed");
    }
  },

  "a creation repeated with its idempotency key happens once": async (environment) => {
    const teacher = await newInstructor(environment);
    const learner = await newPerson(environment, "Demo Learner");
    const params = { header: { "idempotency-key": crypto.randomUUID() } };
    const body = { title: "Knots", summary: "The bowline", tags: [] };
    const first = await expectData(teacher.api.POST("/courses", { params, body }), 201);
    const second = await expectData(teacher.api.POST("/courses", { params, body }), 201);
    assert.deepEqual(second, first);
    const other = teacher.api.POST("/courses", { params, body: { ...body, title: "Tides" } });
    await expectRefusal(other, 422, "validation_failed");

    const { id: courseId } = await publish(teacher, { title: "Wind" });
    const enroll = () => learner.api.POST("/enrollments", { params, body: { courseId } });
    const enrollment = await expectData(enroll(), 201);
    assert.deepEqual(await expectData(enroll(), 201), enrollment);
    const { items } = await expectData(learner.api.GET("/enrollments"));
    assert.equal(items.length, 1);
  },

  "invalid requests are refused every time and change nothing": async (environment) => {
    const teacher = await newInstructor(environment);
    const learner = await newPerson(environment, "Demo Learner");
    const { id } = await publish(teacher, { title: "Knots" });
    for (let attempt = 0; attempt < 2; attempt++) await refusals({ teacher, learner, id });
    const { items } = await expectData(learner.api.GET("/enrollments"));
    assert.equal(items.length, 1);
  },

  "a user ends other logins, and a new password does too": async (environment) => {
    const person = await newPerson(environment, "Demo Learner");
    const [laptop, phone] = [await again(environment, person), await again(environment, person)];
    const { items } = await expectData(laptop.api.GET("/auth/sessions"));
    assert.equal(items.length, 3);
    assert.equal(items.filter(({ current }) => current).length, 1);
    const phones = (await expectData(phone.api.GET("/auth/sessions"))).items;
    const { id = "" } = phones.find(({ current }) => current) ?? {};
    await expectDone(laptop.api.DELETE("/auth/sessions/{id}", { params: { path: { id } } }));
    await expectRefusal(phone.api.GET("/users/me"), 401, "token_revoked");
    await expectRefusal(phone.api.POST("/auth/refresh"), 401, "refresh_invalid");

    const next = "another sentence for a new password";
    const wrong = { current: "not the right sentence", next };
    const refused = laptop.api.POST("/auth/password", { body: wrong });
    await expectRefusal(refused, 401, "credentials_invalid");
    const body = { current: person.password, next };
    await expectDone(laptop.api.POST("/auth/password", { body }));
    await expectData(laptop.api.GET("/users/me"));
    await expectRefusal(person.api.GET("/users/me"), 401, "token_revoked");
    const old = { email: person.email, password: person.password };
    await expectRefusal(person.api.POST("/auth/login", { body: old }), 401, "credentials_invalid");
    await logIn({ ...person, password: next });
  },

  "after logout every token of the login is refused everywhere": async (environment) => {
    const person = await newPerson(environment, "Demo Learner");
    const access = person.jar.get(accessCookie) ?? "";
    const refresh = person.jar.get(refreshCookie) ?? "";
    const other = await again(environment, person);
    await expectDone(person.api.POST("/auth/logout"));
    assert.equal(person.jar.header("/"), undefined);
    await expectDead(environment, access);
    const headers = { cookie: `${refreshCookie}=${refresh}` };
    const response = await environment.site.fetch("/auth/refresh", { method: "POST", headers });
    assert.equal(await readCode(response), "401 refresh_invalid");
    await expectData(other.api.GET("/users/me"));
  },

  "logout everywhere ends every login": async (environment) => {
    const person = await newPerson(environment, "Demo Learner");
    const other = await again(environment, person);
    await expectDone(person.api.POST("/auth/logout-all"));
    await expectRefusal(other.api.GET("/users/me"), 401, "token_revoked");
    await expectRefusal(other.api.POST("/auth/refresh"), 401, "refresh_invalid");
    await logIn(person);
    await expectData(person.api.GET("/users/me"));
  },

  "a changed role and a disabled account take effect at once": async (environment) => {
    const person = await newPerson(environment, "Demo Learner");
    const admin = await administrator(environment);
    const body = { title: "Knots", summary: "The bowline", tags: [] };
    await expectRefusal(person.api.POST("/courses", { body }), 403, "forbidden");
    await setRoles(admin, person, ["learner", "instructor"]);
    await expectRefusal(person.api.GET("/users/me"), 401, "token_revoked");
    await expectData(person.api.POST("/auth/refresh"));
    await expectData(person.api.POST("/courses", { body }), 201);

    const access = person.jar.get(accessCookie) ?? "";
    const params = { path: { id: person.id } };
    const disabled = await expectData(admin.api.POST("/auth/accounts/{id}/disable", { params }));
    assert.equal(disabled.disabled, true);
    await expectDead(environment, access);
    await expectRefusal(person.api.POST("/auth/refresh"), 401, "refresh_invalid");
    const { email, password } = person;
    const login = () => person.api.POST("/auth/login", { body: { email, password } });
    await expectRefusal(login(), 401, "credentials_invalid");
    await expectData(admin.api.POST("/auth/accounts/{id}/enable", { params }));
    await expectData(login());
  },

  "a client without cookies has the same access": async (environment) => {
    const { email, password, id } = await signUp(environment, "Demo Learner");
    const { api, jar } = createVisitor(environment.site, environment.documented);
    const grant = { grantType: "password", email, password } as const;
    const first = await expectData(api.POST("/auth/token", { body: grant }));
    assert.equal(jar.header("/"), undefined);
    const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    const me = await expectData(api.GET("/users/me", as(first.accessToken)));
    assert.equal(me.id, id);
    const body = { grantType: "refresh_token", refreshToken: first.refreshToken } as const;
    const second = await expectData(api.POST("/auth/token", { body }));
    assert.notEqual(second.refreshToken, first.refreshToken);
    await expectDone(api.POST("/auth/logout", as(second.accessToken)));
    await expectRefusal(api.GET("/users/me", as(first.accessToken)), 401, "token_revoked");
    const spent = { grantType: "refresh_token", refreshToken: second.refreshToken } as const;
    await expectRefusal(api.POST("/auth/token", { body: spent }), 401, "refresh_invalid");
  },

  "a closed account is deleted with all its logins": async (environment) => {
    const person = await newPerson(environment, "Demo Learner");
    const other = await again(environment, person);
    const access = person.jar.get(accessCookie) ?? "";
    await expectDone(person.api.DELETE("/users/me"));
    await expectDead(environment, access);
    await expectRefusal(other.api.GET("/users/me"), 401, "token_revoked");
    const { email, password } = person;
    const login = person.api.POST("/auth/login", { body: { email, password } });
    await expectRefusal(login, 401, "credentials_invalid");
    const witness = await newPerson(environment, "Demo Learner");
    const params = { path: { id: person.id } };
    await expectRefusal(witness.api.GET("/users/{id}", { params }), 404, "not_found");
  },
};

/** A course from creation to publication; the calls course → user read its instructor. */
async function teach({ api, id: instructorId, name }: Person) {
  const body = { title: "Sailing for beginners", summary: "Knots, wind, and the way home" };
  const draft = await expectData(api.POST("/courses", { body: { ...body, tags: ["sea"] } }), 201);
  assert.deepEqual([draft.state, draft.instructor], ["draft", { id: instructorId, name }]);
  const path = { id: draft.id };
  await expectRefusal(api.POST("/courses/{id}/publish", { params: { path } }), 409, "conflict");
  const lessons: string[] = [];
  for (const title of ["The bowline", "Tacking"]) {
    const lesson = { title, content: "The rabbit comes out of its hole" };
    const added = api.POST("/courses/{id}/lessons", { params: { path }, body: lesson });
    lessons.push((await expectData(added, 201)).id);
  }
  const [lessonId = ""] = lessons;
  const renamed = await expectData(
    api.PATCH("/courses/{id}/lessons/{lessonId}", {
      params: { path: { ...path, lessonId } },
      body: { title: "The bowline, blindfolded" },
    }),
  );
  assert.equal(renamed.title, "The bowline, blindfolded");
  const published = await expectData(api.POST("/courses/{id}/publish", { params: { path } }));
  assert.equal(published.state, "published");
  return { id: draft.id, title: draft.title, lessons };
}

/** From enrollment (which calls course) to full progress, and to unenrolling. */
async function learnCourse(
  { api }: Person,
  course: { id: string; title: string; lessons: string[] },
) {
  const body = { courseId: course.id };
  const enrollment = await expectData(api.POST("/enrollments", { body }), 201);
  assert.deepEqual(enrollment.course, { id: course.id, title: course.title });
  assert.equal(enrollment.progress, 0);
  await expectRefusal(api.POST("/enrollments", { body }), 409, "conflict");
  const { id } = enrollment;
  const progress: number[] = [];
  for (const lessonId of course.lessons) {
    const params = { path: { id, lessonId } };
    const marked = await expectData(
      api.PUT("/enrollments/{id}/lessons/{lessonId}", { params, body: { completed: true } }),
    );
    progress.push(marked.progress);
  }
  assert.deepEqual(progress, [50, 100]);
  const { items } = await expectData(api.GET("/enrollments"));
  assert.deepEqual(items.map((item) => [item.id, item.progress]), [[id, 100]]);
  const params = { path: { id } };
  const done = await expectData(api.GET("/enrollments/{id}", { params }));
  assert.ok(done.completedAt);
  await expectDone(api.DELETE("/enrollments/{id}", { params }));
  await expectRefusal(api.GET("/enrollments/{id}", { params }), 404, "not_found");
}

async function refusals(
  { teacher, learner, id }: { teacher: Person; learner: Person; id: string },
): Promise<void> {
  const params = { path: { id } };
  const draft = await expectData(
    teacher.api.POST("/courses", {
      body: { title: "A draft", summary: "Not published yet", tags: [] },
    }),
    201,
  );
  const ofDraft = { path: { id: draft.id } };
  await expectRefusal(learner.api.GET("/courses/{id}", { params: ofDraft }), 404, "not_found");
  await expectData(teacher.api.GET("/courses/{id}", { params: ofDraft }));
  for (const courseId of [draft.id, unknownId]) {
    const pending = learner.api.POST("/enrollments", { body: { courseId } });
    await expectRefusal(pending, 404, "not_found");
  }
  const change = learner.api.PATCH("/courses/{id}", { params, body: { title: "Mine" } });
  await expectRefusal(change, 403, "forbidden");
  const empty = teacher.api.PATCH("/courses/{id}", { params, body: { title: "" } });
  await expectRefusal(empty, 422, "validation_failed");
  const accounts = learner.api.GET("/auth/accounts");
  await expectRefusal(accounts, 403, "forbidden");
  // The first run created this enrollment; the second run finds it.
  const { response } = await learner.api.POST("/enrollments", { body: { courseId: id } });
  assert.ok([201, 409].includes(response.status));
}

async function publish(
  { api }: Person,
  { title, tags = [] }: { title: string; tags?: string[] },
): Promise<{ id: string }> {
  const body = { title, summary: "All there is to know", tags };
  const { id } = await expectData(api.POST("/courses", { body }), 201);
  const params = { path: { id } };
  const lesson = { title: "First", content: "Begin here" };
  await expectData(api.POST("/courses/{id}/lessons", { params, body: lesson }), 201);
  return await expectData(api.POST("/courses/{id}/publish", { params }));
}

async function signUp({ site, documented }: Environment, name: string): Promise<Person> {
  const visitor = createVisitor(site, documented);
  const email = `${crypto.randomUUID()}@example.com`;
  const password = "a sentence that only I would think of";
  const body = { email, password, name };
  const { id, roles } = await expectData(visitor.api.POST("/auth/signup", { body }), 201);
  assert.deepEqual(roles, ["learner"]);
  return { ...visitor, id, email, password, name };
}

async function logIn({ api, email, password }: Pick<Person, "api" | "email" | "password">) {
  return await expectData(api.POST("/auth/login", { body: { email, password } }));
}

async function newPerson(environment: Environment, name: string): Promise<Person> {
  const person = await signUp(environment, name);
  await logIn(person);
  return person;
}

/** The same user in another browser. */
async function again({ site, documented }: Environment, person: Person): Promise<Person> {
  const elsewhere = { ...person, ...createVisitor(site, documented) };
  await logIn(elsewhere);
  return elsewhere;
}

async function administrator({ site, documented }: Environment): Promise<Visitor> {
  const visitor = createVisitor(site, documented);
  const { user } = await logIn({ ...visitor, ...site.admin });
  assert.ok(user.roles.includes("admin"));
  return visitor;
}

/**
 * A user who becomes an instructor while logged in: the current token is refused, and a refresh has
 * the role.
 */
async function newInstructor(environment: Environment): Promise<Person> {
  const person = await newPerson(environment, "Demo Instructor");
  await setRoles(await administrator(environment), person, ["learner", "instructor"]);
  await expectData(person.api.POST("/auth/refresh"));
  return person;
}

async function setRoles(
  admin: Visitor,
  { id, email }: Person,
  roles: ("learner" | "instructor" | "admin")[],
): Promise<void> {
  const query = { q: email };
  const { items } = await expectData(admin.api.GET("/auth/accounts", { params: { query } }));
  assert.deepEqual(items.map((item) => item.id), [id]);
  const params = { path: { id } };
  const changed = await expectData(
    admin.api.PUT("/auth/accounts/{id}/roles", { params, body: { roles } }),
  );
  assert.deepEqual(new Set(changed.roles), new Set(roles));
}

/** No protected operation accepts the token any more, neither as cookie nor as bearer token. */
async function expectDead({ site, documented }: Environment, access: string): Promise<void> {
  assert.ok(documented.protectedOperations.length > 15 && access !== "");
  for (const { method, path } of documented.protectedOperations) {
    for (const headers of asCredentials(access)) {
      const response = await site.fetch(path, { method, headers });
      assert.equal(await readCode(response), "401 token_revoked", `${method} ${path}`);
    }
  }
}

function asCredentials(access: string): Record<string, string>[] {
  return [{ cookie: `${accessCookie}=${access}` }, { authorization: `Bearer ${access}` }];
}

async function readCode(response: Response): Promise<string> {
  const { error } = await response.json();
  return `${response.status} ${error?.code}`;
}
