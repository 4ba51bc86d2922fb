import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import {
  expectJson,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import { ann, annId, bob, bobId, setupUser } from "../../tests/support/user_service.ts";
import { PublicProfile } from "./schema.ts";

Deno.test("a profile exists from sign-up on, and auth is called once", async () => {
  using platform = await setupUser();
  const { readOwn, accounts } = platform;
  const profile = await readOwn();
  assert.deepEqual(profile, {
    id: annId,
    name: "Ann",
    headline: null,
    bio: null,
    avatarUrl: null,
    locale: null,
    createdAt: "2026-03-01T09:30:00.000Z",
    updatedAt: "2026-03-01T09:30:00.000Z",
  });
  assert.deepEqual(await readOwn(), profile);
  assert.deepEqual(accounts.requests, ["GET /internal/accounts/me"]);
});

Deno.test("a profile that many requests read at once is created once", async () => {
  using platform = await setupUser();
  const profiles = await Promise.all(Array.from({ length: 20 }, () => platform.readOwn()));
  for (const profile of profiles) assert.deepEqual(profile, profiles[0]);
  assert.equal((await platform.rows()).length, 1);
});

Deno.test("a person changes their own profile; null clears, absent fields stay", async () => {
  using platform = await setupUser();
  const { change, readOwn, clock } = platform;
  const before = await readOwn();
  clock.advance(1_000);
  const filled = {
    name: "Ann Other",
    headline: "Learns",
    bio: "Two\nlines",
    avatarUrl: "https://images.example/a.png?size=1",
    locale: "pt-BR",
  };
  const after = await change({ ...filled, name: "  Ann Other ", locale: "PT-br" });
  assert.deepEqual(after, { ...before, ...filled, updatedAt: "2026-03-01T09:30:01.000Z" });
  assert.deepEqual(await change({}), after);
  const cleared = { headline: null, bio: null, avatarUrl: null, locale: null };
  assert.deepEqual(await change(cleared), { ...after, ...cleared });
  assert.deepEqual(await readOwn(), { ...after, ...cleared });
});

Deno.test("others see the public part of a profile, and may be its first readers", async () => {
  using platform = await setupUser();
  const { call, change, accounts } = platform;
  const read = () => expectJson(call("GET", `/users/${annId}`, { as: bob }), 200, PublicProfile);
  const empty = { id: annId, name: "Ann", headline: null, bio: null, avatarUrl: null };
  assert.deepEqual(await read(), empty);
  await change({ headline: "Learns", locale: "de" });
  const response = await call("GET", `/users/${annId}`, { as: bob });
  assert.deepEqual(await response.json(), { ...empty, headline: "Learns" });
  assert.deepEqual(accounts.requests, [`GET /internal/accounts/${annId}`]);
});

Deno.test("of parallel changes those with a 200 are stored, the others are not", async () => {
  using platform = await setupUser();
  const { call, readOwn, rows } = platform;
  await readOwn();
  const statuses = await Promise.all(Array.from({ length: 20 }, async (_, at) => {
    const body = at % 2 === 0 ? { headline: `h${at}` } : { bio: `b${at}` };
    const response = await call("PATCH", "/users/me", { as: ann, body });
    await response.body?.cancel();
    return response.status;
  }));
  const won = statuses.filter((status) => status === 200).length;
  assert.ok(won > 0 && statuses.every((status) => status === 200 || status === 409));
  const versions = await platform.database.run({
    sql: "SELECT version FROM profiles",
    params: [],
  });
  assert.deepEqual([versions, (await rows()).length], [[[1 + won]], 1]);
});

Deno.test("a closed account leaves no profile, and closing it again changes nothing", async () => {
  using platform = await setupUser();
  const { call, change, accounts, rows } = platform;
  const all = { headline: "Learns", bio: "Secret", avatarUrl: "https://a.example/b", locale: "de" };
  await change(all);
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
  assert.equal(accounts.names.has(annId), false);
  const [row] = await rows();
  assert.deepEqual(row?.slice(0, 6), [annId, "", null, null, null, null]);
  for (
    const [method, path, as, body] of [
      ["GET", "/users/me", ann],
      ["PATCH", "/users/me", ann, { name: "Ann" }],
      ["GET", `/users/${annId}`, bob],
    ] as const
  ) {
    await expectProblem(call(method, path, { as, body }), 404, "not_found");
  }
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
  assert.deepEqual(await rows(), [row]);
});

Deno.test("a profile that was never read stays erased, whatever auth published before", async () => {
  using platform = await setupUser();
  const { call, accounts } = platform;
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
  accounts.names.set(annId, "Ann");
  await expectProblem(call("GET", `/users/${annId}`, { as: bob }), 404, "not_found");
});

Deno.test("a name that was read before the account closed creates no profile after it", async () => {
  using platform = await setupUser();
  const { call, fault, accounts } = platform;
  const late = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  fault.answer = (request) => {
    if (request.method === "DELETE") return undefined;
    // The response is built now and arrives after the account is closed.
    const stream = new ReadableStream({
      async start(controller) {
        called.resolve();
        await late.promise;
        controller.enqueue(new TextEncoder().encode(JSON.stringify({ id: annId, name: "Ann" })));
        controller.close();
      },
    });
    return new Response(stream);
  };
  const reading = call("GET", `/users/${annId}`, { as: bob });
  await called.promise;
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
  late.resolve();
  await expectProblem(reading, 404, "not_found");
  assert.equal(accounts.names.has(annId), false);
});

Deno.test("a lost erasure is completed by the next reader", async () => {
  using platform = await setupUser();
  const { call, change, fault, accounts, rows } = platform;
  await change({ bio: "Secret" });
  // The account is closed, but the response never arrives.
  fault.answer = (request) => {
    if (request.method !== "DELETE") return undefined;
    accounts.names.delete(annId);
    throw new TypeError("connection reset");
  };
  await expectProblem(call("DELETE", "/users/me", { as: ann }), 503, "upstream_unavailable");
  assert.match(JSON.stringify(await rows()), /Secret/);
  await expectProblem(call("GET", `/users/${annId}`, { as: bob }), 404, "not_found");
  assert.doesNotMatch(JSON.stringify(await rows()), /Secret|Ann/);
});

Deno.test("an account that could not be closed keeps its profile", async () => {
  using platform = await setupUser();
  const { call, change, readOwn, fault } = platform;
  const profile = await change({ bio: "Still here" });
  fault.answer = () => new Response("no", { status: 500 });
  await expectProblem(call("DELETE", "/users/me", { as: ann }), 502, "upstream_bad_response");
  fault.answer = undefined;
  assert.deepEqual(await readOwn(), profile);
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
});

Deno.test("a person without an account closes nothing and leaves nothing", async () => {
  using platform = await setupUser();
  const stranger = person("partner:42");
  await expectProblem(platform.call("DELETE", "/users/me", { as: stranger }), 404, "not_found");
  await expectProblem(platform.call("GET", "/users/me", { as: stranger }), 404, "not_found");
  assert.deepEqual(await platform.rows(), []);
});

Deno.test("a change of one profile leaves other profiles unchanged", async () => {
  using platform = await setupUser();
  const { call, change, readOwn, rows } = platform;
  const before = await readOwn(bob);
  const rowOf = async () => (await rows()).filter(([id]) => id === bobId);
  const row = await rowOf();
  assert.equal(row.length, 1);
  await change({ name: "Ann Other" });
  await expectNoContent(call("DELETE", "/users/me", { as: ann }));
  assert.deepEqual([await readOwn(bob), await rowOf()], [before, row]);
  for (const method of ["PATCH", "DELETE"]) {
    const response = await call(method, `/users/${bobId}`, { as: ann, body: { name: "Mine" } });
    await response.body?.cancel();
    assert.ok([404, 405].includes(response.status));
  }
  assert.deepEqual(await readOwn(bob), before);
  await expectProblem(call("GET", `/users/${uuidv7()}`, { as: ann }), 404, "not_found");
});
