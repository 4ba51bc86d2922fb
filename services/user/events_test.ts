import assert from "node:assert/strict";
import { expectJson, expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { ann, annId, bob, bobId, setupUser, toEvent } from "../../tests/support/user_service.ts";
import { PublicProfile } from "./schema.ts";

const registered = { data: { name: "Ann" } };

Deno.test("a registered person has a profile without a call to auth", async () => {
  using platform = await setupUser();
  platform.clock.advance(5_000);
  assert.equal(await platform.receive("user.registered", registered), "applied");
  const profile = await platform.readOwn();
  assert.deepEqual([profile.id, profile.name, profile.bio], [annId, "Ann", null]);
  assert.equal(profile.createdAt, "2026-03-01T09:30:00.000Z", "the time of the sign-up");
  assert.deepEqual(platform.accounts.requests, []);
  assert.deepEqual(await platform.publishedEvents(), []);
});

Deno.test("the event of an account leaves a profile unchanged that a call to auth created", async () => {
  using platform = await setupUser();
  const profile = await platform.change({ name: "Ann Other", bio: "Mine" });
  assert.equal(await platform.receive("user.registered", registered), "applied");
  assert.deepEqual(await platform.readOwn(), profile);
});

Deno.test("an event that is delivered twice has one effect", async () => {
  using platform = await setupUser();
  for (
    const [type, event] of [
      ["user.registered", { id: "e1", data: { name: "Ann" } }],
      ["user.disabled", { id: "e2", sequence: 2 }],
      ["user.enabled", { id: "e3", sequence: 3 }],
      ["user.deleted", { id: "e4", sequence: 4 }],
    ] as const
  ) {
    assert.equal(await platform.receive(type, event), "applied");
    const after = await platform.dump();
    platform.clock.advance(86_400_000);
    assert.equal(await platform.receive(type, event), "duplicate");
    assert.deepEqual(await platform.dump(), after);
  }
});

Deno.test("of parallel deliveries of one event one is applied", async () => {
  using platform = await setupUser();
  const event = { id: "e1", data: { name: "Ann" } };
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => platform.receive("user.registered", event)),
  );
  assert.equal(outcomes.filter((outcome) => outcome === "applied").length, 1);
  assert.equal(outcomes.filter((outcome) => outcome === "duplicate").length, 19);
  assert.equal((await platform.rows()).length, 1);
});

Deno.test("a disabled person is hidden from others until enabled again", async () => {
  using platform = await setupUser();
  const read = () => platform.call("GET", `/users/${annId}`, { as: bob });
  // The event arrives before the first request for the profile.
  assert.equal(await platform.receive("user.disabled", { sequence: 2 }), "applied");
  await expectProblem(read(), 404, "not_found");
  assert.equal(await platform.receive("user.registered", registered), "applied");
  await expectProblem(read(), 404, "not_found");
  await expectJson(platform.call("GET", `/users/${bobId}`, { as: ann }), 200, PublicProfile);
  assert.equal(await platform.receive("user.enabled", { sequence: 3 }), "applied");
  assert.equal((await expectJson(read(), 200, PublicProfile)).name, "Ann");
});

Deno.test("the newest event decides who is disabled, whatever arrives after it", async () => {
  using platform = await setupUser();
  assert.equal(await platform.receive("user.enabled", { sequence: 3 }), "applied");
  const after = await platform.dump();
  assert.equal(await platform.receive("user.disabled", { sequence: 2 }), "stale");
  assert.deepEqual(await platform.dump(), after);
  const response = platform.call("GET", `/users/${annId}`, { as: bob });
  await expectJson(response, 200, PublicProfile);
});

Deno.test("a deleted person leaves a tombstone, and no later event restores them", async () => {
  using platform = await setupUser();
  await platform.change({ name: "Ann Secret", bio: "Secret" });
  await platform.receive("user.disabled", { sequence: 2 });
  assert.equal(await platform.receive("user.deleted", { sequence: 4 }), "applied");
  const [, disabled, , , , outbox] = await platform.dump();
  assert.deepEqual([disabled, outbox], [[], []]);
  const [row] = await platform.rows();
  assert.deepEqual(row?.slice(0, 6), [annId, "", null, null, null, null]);
  const after = await platform.dump();
  // Even with a higher number: an event about a deleted subject is ignored.
  for (const sequence of [1, 9]) {
    assert.equal(await platform.receive("user.registered", { ...registered, sequence }), "stale");
    assert.equal(await platform.receive("user.disabled", { sequence }), "stale");
    assert.equal(await platform.receive("user.enabled", { sequence }), "stale");
  }
  assert.deepEqual(await platform.dump(), after);
  // Auth still has an account: for a deleted person it is not called.
  await expectProblem(platform.call("GET", "/users/me", { as: ann }), 404, "not_found");
  await expectProblem(platform.call("GET", `/users/${annId}`, { as: bob }), 404, "not_found");
  assert.equal((await platform.readOwn(bob)).name, "Bob");
});

for (const [what, type] of [["enabled", "user.enabled"], ["deleted", "user.deleted"]] as const) {
  Deno.test(`other disabled people stay disabled when a person is ${what}`, async () => {
    using platform = await setupUser();
    await platform.readOwn(bob);
    assert.equal(await platform.receive("user.disabled", { subject: bobId }), "applied");
    assert.equal(await platform.receive("user.disabled", { sequence: 2 }), "applied");
    assert.equal(await platform.receive(type, { sequence: 3 }), "applied");
    const read = platform.call("GET", `/users/${bobId}`, { as: ann });
    await expectProblem(read, 404, "not_found");
  });
}

Deno.test("a deletion may be the first event about a person", async () => {
  using platform = await setupUser();
  assert.equal(await platform.receive("user.deleted", { sequence: 2 }), "applied");
  assert.equal(await platform.receive("user.registered", registered), "stale");
  await expectProblem(platform.call("GET", `/users/${annId}`, { as: bob }), 404, "not_found");
});

Deno.test("a deletion after the person's own leaves the tombstone unchanged", async () => {
  using platform = await setupUser();
  await platform.change({ bio: "Secret" });
  await expectNoContent(platform.call("DELETE", "/users/me", { as: ann }));
  const rows = await platform.rows();
  platform.clock.advance(1_000);
  assert.equal(await platform.receive("user.registered", registered), "applied");
  assert.equal(await platform.receive("user.deleted", { sequence: 2 }), "applied");
  assert.deepEqual(await platform.rows(), rows);
});

const forged = {
  "by another key": { key: "sig_other00000000000000000000000000" },
  "for another service": { claims: { sub: "https://school.test/events/course" } },
  "for another body": { claims: { body: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=" } },
  "long ago": { now: Date.parse("2026-03-01T09:20:00.000Z") },
  "by another issuer": { claims: { iss: "upstash" } },
} as const;
for (const [what, overrides] of Object.entries(forged)) {
  Deno.test(`a deletion that was signed ${what} is refused and changes nothing`, async () => {
    using platform = await setupUser();
    await platform.change({ bio: "Mine" });
    const before = await platform.dump();
    const response = platform.deliver(toEvent("user.deleted"), overrides);
    await expectProblem(response, 401, "event_signature_invalid");
    assert.deepEqual(await platform.dump(), before);
  });
}

const poison = {
  "for others": toEvent("user.roles-changed", { data: { roles: ["admin"] } }),
  "of another source": toEvent("user.profile-changed", registered),
  "without a name": toEvent("user.registered"),
  "with an empty name": toEvent("user.registered", { data: { name: "" } }),
  "of an unknown type": toEvent("user.forgotten"),
} as const;
for (const [what, body] of Object.entries(poison)) {
  Deno.test(`an event ${what} gets the status 489 and changes nothing`, async () => {
    using platform = await setupUser();
    const response = await platform.deliver(body);
    assert.equal(response.headers.get("upstash-nonretryable-error"), "true");
    await expectProblem(response, 489, "event_unusable");
    assert.deepEqual(await platform.dump(), [[], [], [], [], [], []]);
  });
}

Deno.test("an effect that cannot be stored is rolled back, and the next delivery applies it", async () => {
  using platform = await setupUser();
  const run = (sql: string) => platform.database.run({ sql, params: [] });
  await run("ALTER TABLE profiles RENAME TO elsewhere");
  const event = { id: "e1", data: { name: "Ann" } };
  const failed = await platform.deliver(toEvent("user.registered", event));
  await failed.body?.cancel();
  assert.ok(failed.status >= 500);
  await run("ALTER TABLE elsewhere RENAME TO profiles");
  assert.deepEqual(await platform.dump(), [[], [], [], [], [], []]);
  assert.equal(await platform.receive("user.registered", event), "applied");
});
