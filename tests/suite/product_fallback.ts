import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/ids";
import { toBody, type ToldEvent } from "../support/deliveries.ts";
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

/** An installation with a recommender, courses that recommendation heard of, and two people. */
export interface FallbackEnvironment {
  readonly target: Target;
  readonly recommender: ReturnType<typeof startRecommender>;
  readonly send: Environment["send"];
  readonly ann: Person;
  readonly bob: Person;
  /** Tells recommendation something, as QStash would. */
  readonly tell: (event: ToldEvent) => Promise<void>;
}

/** A breaker that has opened lets a call through once a second. */
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
  const tell = (event: ToldEvent) => deliver(target, event);
  for (const title of titles) {
    await tell({ type: "course.published", subject: uuidv7(), data: { title } });
  }
  const ann = await logIn(send, await signUp(send));
  const bob = await logIn(send, await signUp(send));
  return { target, recommender, send, ann, bob, tell };
}

async function deliver(target: Target, event: ToldEvent): Promise<void> {
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
  /** `source` and `X-Fallback` in one text. */
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

/** What an outage may look like to who asks; each is set anew. */
const outages: Readonly<
  Record<string, (recommender: FallbackEnvironment["recommender"]) => void | Promise<void>>
> = {
  "is down": (it) => it.fail({ down: true }),
  "answers errors": (it) => it.fail({ status: 500 }),
  "answers garbage": (it) => it.fail({ garbage: true }),
  "answers far too much": (it) => it.answer(() => new Response(" ".repeat(200_000) + "{}")),
  "breaks off": (it) => it.answer(breakOff),
  "is slow": (it) => it.fail({ latencyMs: 2_000 }),
  "never answers": (it) => it.fail({ hang: true }),
};

/** Fewer bytes than were promised: the connection ends instead. */
function breakOff(): Response {
  const nothing = new ReadableStream({ start: (controller) => controller.close() });
  return new Response(nothing, { headers: { "content-length": "1000" } });
}

export const productFallback: Readonly<
  Record<string, (environment: FallbackEnvironment) => Promise<void>>
> = {
  async "[D01] suggestions are live, and the recommender learns nobody's id"(environment) {
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
    for (const [outage, ensureLoaded] of Object.entries(outages)) {
      await recommender.fail();
      await becomeLive(environment, ann);
      const { courses } = await read(environment, ann);
      await ensureLoaded(recommender);
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
    const asked = recommender.questions.length;
    for (let at = 0; at < 20; at++) {
      assert.equal((await read(environment, ann)).from, sources.cache);
    }
    // Once the breaker is open, the recommender hears of one call a second and no more.
    const seconds = (performance.now() - startedAt) / 1000;
    assert.ok(recommender.questions.length - asked <= 8 + seconds);
    await recommender.fail();
    await becomeLive(environment, ann);
  },

  async "nobody who is not signed in gets any, and nothing but GET is served"({ send, ann }) {
    assert.equal(
      await outcomeOf(send({ path: "/recommendations" })),
      "401 authentication_required",
    );
    const options = { path: "/recommendations", bearer: ann.token, body: {} };
    for (const method of ["POST", "PUT", "DELETE"]) {
      assert.equal(await outcomeOf(send({ ...options, method })), "405 method_not_allowed");
    }
  },

  async "without what Redis kept there is the default"(environment) {
    const { recommender, target, ann } = environment;
    await recommender.fail({ status: 500 });
    assert.equal((await read(environment, ann)).from, sources.cache);
    await redis(target, ["DEL", `fb:recommendation:courses:${ann.id}`]);
    assert.equal((await read(environment, ann)).from, sources.default);
    await recommender.fail();
    await becomeLive(environment, ann);
  },

  async "[D05] with the account goes what was kept of it"(environment) {
    const { recommender, target, tell, ann, bob } = environment;
    await becomeLive(environment, bob);
    const keyOf = ({ id }: Person) => `fb:recommendation:courses:${id}`;
    const isKept = async (person: Person) => await redis(target, ["EXISTS", keyOf(person)]) === 1;
    // It is written after the answer.
    await waitUntil("bob's is kept", () => isKept(bob), recoversWithinMs);
    assert.ok(await isKept(ann));
    await tell({ type: "user.deleted", subject: ann.id });
    assert.deepEqual([await isKept(ann), await isKept(bob)], [false, true]);
    const asked = recommender.questions.length;
    assert.equal((await read(environment, ann)).from, sources.default);
    assert.equal(recommender.questions.length, asked);
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

/** Settings under which deliveries of this suite are taken. */
export const fallbackSettings = {
  QSTASH_CURRENT_SIGNING_KEY: eventBindings.QSTASH_CURRENT_SIGNING_KEY,
  QSTASH_NEXT_SIGNING_KEY: eventBindings.QSTASH_NEXT_SIGNING_KEY,
} as const;
