import { defineService } from "@edgepass/contracts";
import { localUpstream } from "@edgepass/shared/configuration";
import { runInvocation } from "@edgepass/shared/context";
import { createServiceRuntime } from "@edgepass/shared/http";
import {
  createFallback,
  type FallbackStore,
  toPolicy,
  withResilience,
} from "@edgepass/shared/resilience";
import { uuidv7 } from "@edgepass/shared/sql";
import { sqlRecommendationProjection } from "../../services/recommendation/projections.ts";
import {
  buffered,
  createPseudonym,
  createRecommend,
} from "../../services/recommendation/recommender.ts";
import { RecommendationList } from "../../services/recommendation/schema.ts";
import { recommendationParts } from "../../services/recommendation/service.ts";
import { consumerBindings, createDeliverer } from "./deliveries.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, openDatabase, person } from "./services.ts";

/** A request to a recommender. */
export interface Asked {
  readonly headers: readonly string[];
  readonly person: string;
  readonly known: readonly string[];
  readonly limit: number;
}

/** Responds as a healthy recommender: all known courses, the last first. */
export function recommendAll({ known }: Pick<Asked, "known">): Response {
  const items = known.toReversed().map((courseId) => ({ courseId, reason: "Picked for you" }));
  return Response.json({ items });
}

/** Recommendation with a recommender that responds as `environment.answer` sets it. */
export async function setupRecommendation(
  { isAlone = false, timeoutMs = 50 }: { isAlone?: boolean; timeoutMs?: number } = {},
) {
  const database = await openDatabase("recommendation");
  const clock = createClock();
  const passports = createPassports({ now: clock.now });
  const asked: Asked[] = [];
  type Answer = (question: Asked, signal: AbortSignal) => Response | Promise<Response>;
  const environment: { answer: Answer } = { answer: recommendAll };
  const kept = memoryStore();
  const upstream = localUpstream("recommender", {
    async fetch(request) {
      const question = { ...await request.json(), headers: [...request.headers.keys()] };
      asked.push(question);
      return await environment.answer(question, request.signal);
    },
  });
  // A breaker that never opens, so that cases do not affect each other.
  const policy = toPolicy({ timeoutMs, breaker: { minimumCalls: 1_000 } });
  const runtime = createServiceRuntime(passports.bindings, { now: clock.now, sink: () => {} });
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const declaration = defineService({
    name: "recommendation",
    description: "With the recommender and the store of the test",
    create: ({ sql }) =>
      recommendationParts({
        sql,
        stored: kept,
        recommender: isAlone ? undefined : {
          ask: createRecommend(withResilience(buffered(upstream), { policy: () => policy })),
          pseudonym: createPseudonym({ secret, trustDomain: "edgepass.test" }),
        },
        fallback: createFallback({ store: kept, now: clock.now, maxStaleMs: () => 60_000 }),
        defaultLimit: () => 10,
      }),
  });
  const bindings = { ...passports.bindings, ...consumerBindings, RECOMMENDATION_DB: database };
  const { app: service } = declaration.compose(bindings, { runtime });
  const projection = sqlRecommendationProjection(database);
  const work: Promise<unknown>[] = [];
  const fetch = async (request: Request) => {
    const invocation = { waitUntil: (one: Promise<unknown>) => void work.push(one) };
    const response = await runInvocation(invocation, () => service.fetch(request));
    await Promise.all(work);
    return response;
  };
  const call = createCaller({ fetch }, passports);
  const deliverer = createDeliverer(service, "recommendation", clock);
  return {
    database,
    clock,
    passports,
    asked,
    environment,
    kept,
    projection,
    call,
    ...deliverer,
    /** A published course with this number of learners; returns its id. */
    async publish(title: string, learners = 0) {
      const id = uuidv7(clock.now());
      clock.advance(1);
      await deliverer.deliver({ type: "course.published", subject: id, data: { title } });
      for (let at = 0; at < learners; at++) {
        const data = { courseId: id };
        await deliverer.deliver({ type: "enrollment.created", subject: uuidv7(), data });
      }
      return id;
    },
    /** A user's response: titles, source, `X-Fallback`. */
    async read(id: string, query = "") {
      const response = await call("GET", `/recommendations${query}`, { as: person(id, "learner") });
      const { items, source } = RecommendationList.parse(await response.json());
      const titles = items.map(({ course }) => course.title);
      return [titles.join(", "), source, response.headers.get("x-fallback")];
    },
    [Symbol.dispose]() {
      database[Symbol.dispose]();
    },
  };
}

function memoryStore(): FallbackStore & { readonly rows: Map<string, string> } {
  const rows = new Map<string, string>();
  return {
    rows,
    get: ({ sub }) => Promise.resolve(rows.get(sub) ?? null),
    put({ sub }, value) {
      rows.set(sub, value);
      return Promise.resolve();
    },
    forget({ sub }) {
      rows.delete(sub);
      return Promise.resolve();
    },
  };
}
