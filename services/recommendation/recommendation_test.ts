import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import {
  type Asked,
  recommendAll,
  setupRecommendation,
} from "../../tests/support/recommendation_service.ts";
import { expectProblem, person } from "../../tests/support/services.ts";

const [ann, bob] = [uuidv7(), uuidv7()];
const useless = () => new Response(null, { status: 500 });

Deno.test("suggestions are live, then the person's last good ones, then the default, and live again", async () => {
  using platform = await setupRecommendation();
  const { publish, read, environment, clock } = platform;
  await publish("Knots", 1);
  await publish("Sailing", 2);
  assert.deepEqual(await read(ann), ["Knots, Sailing", "live", null]);
  environment.answer = useless;
  clock.advance(12_400);
  assert.deepEqual(await read(ann), ["Knots, Sailing", "cache", "cache; age=12"]);
  assert.deepEqual(await read(bob), ["Sailing, Knots", "default", "default"]);
  clock.advance(60_000);
  assert.deepEqual(await read(ann), ["Sailing, Knots", "default", "default"]);
  environment.answer = recommendAll;
  assert.deepEqual(await read(ann), ["Knots, Sailing", "live", null]);
});

Deno.test("a list of any length comes from one stored result", async () => {
  using platform = await setupRecommendation();
  const { publish, read, environment, asked } = platform;
  for (const title of ["A", "B", "C"]) await publish(title);
  assert.deepEqual(await read(ann, "?limit=1"), ["A", "live", null]);
  assert.equal(asked[0]?.limit, 100);
  environment.answer = useless;
  assert.deepEqual(await read(ann, "?limit=2"), ["A, B", "cache", "cache; age=0"]);
});

Deno.test("a stored result shows current titles, and no deleted course", async () => {
  using platform = await setupRecommendation();
  const { publish, read, environment, deliver } = platform;
  const [knots, sailing] = [await publish("Knots"), await publish("Sailing")];
  await read(ann);
  environment.answer = useless;
  const change = { subject: knots, data: { title: "Knots II" }, sequence: 2 };
  assert.equal(await deliver({ type: "course.changed", ...change }), "applied");
  const end = { type: "course.deleted", data: { title: "-" }, sequence: 3 } as const;
  await deliver({ ...end, subject: sailing });
  assert.deepEqual(await read(ann), ["Knots II", "cache", "cache; age=0"]);
  await deliver({ ...end, subject: knots });
  await publish("Wind");
  assert.deepEqual(await read(ann), ["Wind", "default", "default"]);
});

const id = (at: number) => uuidv7(at);
const item = { reason: "Picked for you" };
/** Unusable responses of a recommender. */
const uselessResponses: Readonly<
  Record<string, (question: Asked, signal: AbortSignal) => Response | Promise<Response>>
> = {
  "another status": (question) => new Response(recommendAll(question).body, { status: 202 }),
  "a redirect": () => Response.redirect("http://recommender.test/"),
  "no JSON": () => new Response("<title>Welcome</title>"),
  "nothing": () => new Response(null),
  "half a JSON": () => new Response('{"items":['),
  "a list": () => Response.json([]),
  "an item without a reason": ({ known }) => Response.json({ items: [{ courseId: known[0] }] }),
  "a reason of several lines": ({ known }) =>
    Response.json({ items: [{ courseId: known[0], reason: "a\nb" }] }),
  "a reason without end": ({ known }) =>
    Response.json({ items: [{ courseId: known[0], reason: "x".repeat(201) }] }),
  "unknown courses alone": () => Response.json({ items: [{ ...item, courseId: id(1) }] }),
  "too many items": ({ known }) =>
    Response.json({ items: Array(101).fill({ ...item, courseId: known[0] }) }),
  "too many bytes": ({ known }) =>
    Response.json({ items: [{ ...item, courseId: known[0] }], more: "x".repeat(131_072) }),
  "an error": () => new Response(null, { status: 503 }),
  "a connection that breaks": () => {
    throw new TypeError("connection reset");
  },
  "no response": (_question, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    ),
  "a response that never ends": () => new Response(new ReadableStream()),
};
for (const [what, respond] of Object.entries(uselessResponses)) {
  Deno.test(`a recommender that gives ${what} does not fail the request`, async () => {
    using platform = await setupRecommendation();
    const { publish, read, environment, asked } = platform;
    await publish("Knots");
    await read(ann);
    environment.answer = respond;
    assert.deepEqual(await read(ann), ["Knots", "cache", "cache; age=0"]);
    assert.deepEqual(await read(bob), ["Knots", "default", "default"]);
    // A call is never repeated: the recommender may have processed it.
    assert.equal(asked.length, 3);
  });
}

Deno.test("courses that were not sent to a recommender are left out, and each is named once", async () => {
  using platform = await setupRecommendation();
  const { publish, read, environment } = platform;
  await publish("Knots");
  environment.answer = ({ known }) => {
    const named = [id(1), known[0], known[0], "x"];
    return Response.json({ items: named.map((courseId) => ({ ...item, courseId })) });
  };
  assert.deepEqual(await read(ann), ["Knots", "live", null]);
});

Deno.test("a recommender may have nothing to suggest", async () => {
  using platform = await setupRecommendation();
  await platform.publish("Knots");
  platform.environment.answer = () => Response.json({ items: [] });
  assert.deepEqual(await platform.read(ann), ["", "live", null]);
});

Deno.test("the recommender receives a pseudonym and course ids, and nothing else of a request", async () => {
  using platform = await setupRecommendation();
  const { publish, read, asked, call } = platform;
  const course = await publish("Knots");
  await read(ann);
  await read(ann);
  await read(bob);
  const [first, again, other] = asked;
  assert.deepEqual(first?.known, [course]);
  assert.deepEqual(first?.headers, ["content-type"]);
  assert.match(first?.person ?? "", /^[\w-]{43}$/);
  assert.equal(again?.person, first?.person);
  assert.notEqual(other?.person, first?.person);
  const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, cookie: "a=b" };
  await (await call("GET", "/recommendations", { as: person(ann), headers })).body?.cancel();
  assert.deepEqual(asked[3]?.headers, ["content-type"]);
});

Deno.test("without a recommender, and without courses, the default is returned", async () => {
  using alone = await setupRecommendation({ isAlone: true });
  await alone.publish("Knots");
  assert.deepEqual(await alone.read(ann), ["Knots", "default", "default"]);
  using empty = await setupRecommendation();
  assert.deepEqual(await empty.read(ann), ["", "default", "default"]);
  assert.deepEqual([alone.asked, empty.asked], [[], []]);
});

const refusals = {
  "no Passport": [null, "GET", "", 401, "passport_required"],
  "an anonymous caller": [{ sub: "anon" }, "GET", "", 401, "authentication_required"],
  "a service": [{ sub: "svc:course" }, "GET", "", 403, "forbidden"],
  "a limit of 0": [person(ann), "GET", "?limit=0", 422, "validation_failed"],
  "a limit of 101": [person(ann), "GET", "?limit=101", 422, "validation_failed"],
  "a limit in hexadecimal": [person(ann), "GET", "?limit=0x10", 422, "validation_failed"],
  "an empty limit": [person(ann), "GET", "?limit=", 422, "validation_failed"],
  "a POST": [person(ann), "POST", "", 405, "method_not_allowed"],
  "a DELETE": [person(ann), "DELETE", "", 405, "method_not_allowed"],
  "another path": [person(ann), "GET", "/me", 404, "not_found"],
} as const;
for (const [what, [as, method, rest, status, code]] of Object.entries(refusals)) {
  Deno.test(`${what} gets no suggestions, and nothing is called or stored`, async () => {
    using platform = await setupRecommendation();
    await platform.publish("Knots");
    const path = `/recommendations${rest}`;
    await expectProblem(platform.call(method, path, { as }), status, code);
    assert.deepEqual([platform.asked, platform.kept.rows.size], [[], 0]);
  });
}

Deno.test("an unavailable database is 503, even with a stored result", async () => {
  const platform = await setupRecommendation();
  await platform.publish("Knots");
  await platform.read(ann);
  platform[Symbol.dispose]();
  const response = platform.call("GET", "/recommendations", { as: person(ann) });
  await expectProblem(response, 503, "store_unavailable");
});
