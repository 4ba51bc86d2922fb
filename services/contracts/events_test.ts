import assert from "node:assert/strict";
import { eventTypes } from "./generated/events.ts";
import { serviceNames } from "./generated/services.ts";

Deno.test("no event type carries an e-mail address, or a secret", () => {
  const filled = {
    name: "Ada",
    title: "Knots",
    roles: ["learner"],
    courseId: "c1",
    userId: "u1",
    email: "ada@example.com",
    password: "hunter2",
    token: "t",
  };
  const fields = new Set(
    Object.values(eventTypes).flatMap(({ data }) => Object.keys(data.parse(filled))),
  );
  assert.deepEqual([...fields].sort(), ["courseId", "name", "roles", "title"]);
});

Deno.test("every service that publishes or consumes an event is one of the product", () => {
  const services: readonly string[] = serviceNames;
  for (const [type, { source, consumers }] of Object.entries(eventTypes)) {
    assert.ok(services.includes(source.slice(1)), type);
    assert.ok(consumers.every((consumer) => services.includes(consumer)), type);
    assert.ok(!consumers.some((consumer) => `/${consumer}` === source), `${type} goes elsewhere`);
  }
});
