import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { type SampleEvent, toBody } from "../support/deliveries.ts";
import { eventBindings, signDelivery } from "../support/events.ts";
import type { startRecommender } from "../support/recommender.ts";
import { waitUntil } from "../support/wait.ts";
import type { Target } from "../targets.ts";
import {
  dataOf,
  type Environment,
  logIn,
  outcomeOf,
  type Person,
  signUp,
} from "./product_environment.ts";

/** An installation with a recommender, courses known to recommendation, and two users. */
export interface FallbackEnvironment {
  readonly target: Target;
  readonly recommender: ReturnType<typeof startRecommender>;
  readonly send: Environment["send"];
  readonly ann: Person;
  readonly bob: Person;
  /** Delivers an event to recommendation, as QStash would. */
  readonly deliverEvent: (event: SampleEvent) => Promise<void>;
}

/** An open breaker lets one call a second through. */
const recoversWithinMs = 10_000;
const titles = ["Knots", "Sailing", "Wind"];

export async function createFallbackEnvironment(
  target: Target,
  recommender: FallbackEnvironment["recommender"],
): Promise<FallbackEnvironment> {
  const send: Environment["send"] = async ({ method = "GET", path, bearer, headers = {}, body }) =>
    await target.fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const deliverEvent = (event: SampleEvent) => deliver(target, event);
  for (const title of titles) {
    await deliverEvent({ type: "course.published", subject: uuidv7(), data: { title } });
  }
  const ann = await logIn(send, await signUp(send));
  const bob = await logIn(send, await signUp(send));
  return { target, recommender, send, ann, bob, deliverEvent };
}

async function deliver(target: Target, event: SampleEvent): Promise<void> {
  const path = "/events/recommendation";
  const body = toBody(event, Date.now());
  const response = await target.fetch(path, {
    method: "POST",
    headers: {
      "content-type": "application/cloudevents+json",
      "upstash-signature": await signDelivery(`${target.origin}${path}`, body),
    },
    body,
  });
  assert.equal(response.status, 200, await response.text());
}

interface Read {
  readonly courses: readonly string[];
  /** `source` and `X-Fallback` in one string. */
  readonly from: string;
}

async function read({ send }: FallbackEnvironment, { token }: Person, query = ""): Promise<Read> {
  const response = await send({ path: `/recommendations${query}`, bearer: token });
  const fallback = response.headers.get("x-fallback") ?? "no header";
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { items, source } = await dataOf(Promise.resolve(response));
  assert.ok(Array.isArray(items));
  const courses = items.map(({ course }) => String(course.title));
  assert.deepEqual(courses.toSorted(), titles);
  return { courses, from: `${source}, ${fallback.replace(/\d+/, "n")}` };
}

const sources = {
  live: "live, no header",
  cache: "cache, cache; age=n",
  default: "default, default",
} as const;

async function becomeLive(environment: FallbackEnvironment, person: Person): Promise<void> {
  const isLive = async () => (await read(environment, person)).from === sources.live;
  await waitUntil("suggestions are live", isLive, recoversWithinMs);
}

/** How an outage may look to the caller; each starts from a new environment. */
const outages: Readonly<
  Record<string, (recommender: FallbackEnvironment["recommender"]) => void | Promise<void>>
> = {
  "is down": (it) => it.fail({ down: true }),
  "responds with errors": (it) => it.fail({ status: 500 }),
  "responds with garbage": (it) => it.fail({ garbage: true }),
  "responds with far too much": (it) =>
    it.respondWith(() => new Response(" ".repeat(200_000) + "{}")),
  "breaks off": (it) => it.respondWith(breakOff),
  "is slow": (it) => it.fail({ latencyMs: 2_000 }),
  "never responds": (it) => it.fail({ hang: true }),
};

/** Fewer bytes than declared: the connection ends early. */
function breakOff(): Response {
  const nothing = new ReadableStream({ start: (controller) => controller.close() });
  return new Response(nothing, { headers: { "content-length": "1000" } });
}

export const productFallback: Readonly<
  Record<string, (environment: FallbackEnvironment) => Promise<void>>
> = {
  async "[D01] suggestions are live, and the recommender receives no user's id"(environment) {
    const { recommender, ann, bob } = environment;
    const first = await read(environment, ann);
    assert.equal(first.from, sources.live);
    const [question] = recommender.questions;
    const { person, known } = JSON.parse(question?.body ?? "{}");
    assert.match(person, /^[\w-]{43}$/);
    assert.equal(known.length, titles.length);
    assert.ok(!question?.body.includes(ann.id) && !question?.body.includes(ann.email));
    const ours = /^(x-|trace|cookie|authorization|txn|baggage)/;
    assert.deepEqual(question?.headers.filter((name) => ours.test(name)), []);
    assert.notEqual(bob.id, ann.id);
  },

  async "[D01, D05] whatever ails the recommender, a person gets their own last list, others the default"(
    environment,
  ) {
    const { recommender, ann, bob } = environment;
    for (const [outage, startOutage] of Object.entries(outages)) {
      await recommender.fail();
      await becomeLive(environment, ann);
      const { courses } = await read(environment, ann);
      await startOutage(recommender);
      assert.deepEqual(await read(environment, ann), { courses, from: sources.cache }, outage);
      assert.equal((await read(environment, bob)).from, sources.default, outage);
    }
    await recommender.fail();
    await becomeLive(environment, ann);
  },

  async "an outage is over for a person as soon as the recommender is back"(environment) {
    const { recommender, ann } = environment;
    await recommender.fail({ down: true });
    const startedAt = performance.now();
    const questionsBefore = recommender.questions.length;
    for (let at = 0; at < 20; at++) {
      assert.equal((await read(environment, ann)).from, sources.cache);
    }
    // Once the breaker is open, the recommender receives at most one call a second.
    const seconds = (performance.now() - startedAt) / 1000;
    assert.ok(recommender.questions.length - questionsBefore <= 8 + seconds);
    await recommender.fail();
    await becomeLive(environment, ann);
  },

  async "anonymous callers get no suggestions, and only GET is served"({ send, ann }) {
    assert.equal(
      await outcomeOf(send({ path: "/recommendations" })),
      "401 authentication_required",
    );
    const options = { path: "/recommendations", bearer: ann.token, body: {} };
    for (const method of ["POST", "PUT", "DELETE"]) {
      assert.equal(await outcomeOf(send({ ...options, method })), "405 method_not_allowed");
    }
  },

  async "without a stored result the default list is served"(environment) {
    const { recommender, target, ann } = environment;
    await recommender.fail({ status: 500 });
    assert.equal((await read(environment, ann)).from, sources.cache);
    await redis(target, ["DEL", `fb:recommendation:courses:${ann.id}`]);
    assert.equal((await read(environment, ann)).from, sources.default);
    await recommender.fail();
    await becomeLive(environment, ann);
  },

  async "[D05] a deleted account's stored suggestions are deleted"(environment) {
    const { recommender, target, deliverEvent, ann, bob } = environment;
    await becomeLive(environment, bob);
    const keyOf = ({ id }: Person) => `fb:recommendation:courses:${id}`;
    const isStored = async (person: Person) => await redis(target, ["EXISTS", keyOf(person)]) === 1;
    // The result is stored after the response was sent.
    await waitUntil("bob's result is stored", () => isStored(bob), recoversWithinMs);
    assert.ok(await isStored(ann));
    await deliverEvent({ type: "user.deleted", subject: ann.id });
    assert.deepEqual([await isStored(ann), await isStored(bob)], [false, true]);
    const questionsBefore = recommender.questions.length;
    assert.equal((await read(environment, ann)).from, sources.default);
    assert.equal(recommender.questions.length, questionsBefore);
  },
};

async function redis({ settings }: Target, command: readonly string[]): Promise<unknown> {
  const { UPSTASH_REDIS_REST_URL = "", UPSTASH_REDIS_REST_TOKEN = "" } = settings;
  const response = await fetch(UPSTASH_REDIS_REST_URL, {
    method: "POST",
    headers: { authorization: `Bearer ${UPSTASH_REDIS_REST_TOKEN}` },
    body: JSON.stringify(command),
  });
  return (await response.json()).result;
}

/** Settings under which the deliveries of this suite are accepted. */
export const fallbackSettings = {
  QSTASH_CURRENT_SIGNING_KEY: eventBindings.QSTASH_CURRENT_SIGNING_KEY,
  QSTASH_NEXT_SIGNING_KEY: eventBindings.QSTASH_NEXT_SIGNING_KEY,
} as const;
