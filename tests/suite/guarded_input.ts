import assert from "node:assert/strict";
import type { GuardedCase } from "./guarded_route.ts";
import { type Json, objectAt } from "../support/json.ts";
import { bodyOf, type Operation, pathOf, rightful, unknownId } from "./product_operations.ts";
import { each, expectRefusal } from "./product_error_responses.ts";
import { type Environment, outcomeOf, type Sent } from "./product_environment.ts";

/** Bodies that are not JSON by RFC 8259, by their defect. */
const broken: Readonly<Record<string, string | Uint8Array>> = {
  "an incomplete object": '{"title":"Knots"',
  "nothing": "",
  "a byte order mark": "\ufeff{}",
  "NaN": '{"title":NaN}',
  "bytes after the end": "{} {}",
  "a comment": "{/* */}",
  "bad UTF-8": new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  "more than 64 levels": `${"[".repeat(65)}${"]".repeat(65)}`,
};

/** Fields that no client may set. */
const unknownFields: readonly Json[] = [
  { role: "admin" },
  { isAdmin: true, email_verified: true },
  { id: unknownId, ownerId: unknownId, createdAt: "2020-01-01T00:00:00.000Z" },
  { constructor: { prototype: { roles: ["admin"] } } },
];

const withBody = ({ schema }: Operation): boolean => schema !== undefined;

function callOf(
  operation: Operation,
  environment: Environment,
): Sent & { readonly method: string } {
  const { method } = operation;
  return {
    method,
    path: pathOf(operation, environment),
    bearer: rightful(operation, environment).token,
  };
}

/** A value that fits none of our fields. */
const misfit = { unexpected: { deeply: "nested" } };

export const guardedInput: Readonly<Record<string, GuardedCase>> = {
  async "[H16] a body that is no JSON is malformed_json"(environment, operations) {
    const taking = operations.filter(withBody);
    assert.ok(taking.length > 10);
    await each(taking, async (operation) => {
      for (const [what, body] of Object.entries(broken)) {
        const request = { ...callOf(operation, environment), body };
        await expectRefusal(environment, request, "malformed_json", `${operation.name} ${what}`);
      }
    });
  },

  async "[H16] a body of another type is unsupported_media_type"(environment, operations) {
    await each(operations.filter(withBody), async (operation) => {
      const body = JSON.stringify(bodyOf(operation, environment));
      const types = ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"];
      for (const type of types) {
        const request = {
          ...callOf(operation, environment),
          body,
          headers: { "content-type": type },
        };
        await expectRefusal(
          environment,
          request,
          "unsupported_media_type",
          `${operation.name} ${type}`,
        );
      }
      const packed = {
        ...callOf(operation, environment),
        body,
        headers: { "content-encoding": "gzip" },
      };
      await expectRefusal(environment, packed, "unsupported_media_type", operation.name);
    });
  },

  async "[H16] a value that does not fit is validation_failed and names its field"(
    environment,
    operations,
  ) {
    await each(operations.filter(withBody), async (operation) => {
      for (const body of ["[]", '"text"', "null", "1", "true"]) {
        const request = { ...callOf(operation, environment), body };
        await expectRefusal(environment, request, "validation_failed", `${operation.name} ${body}`);
      }
      for (const field of Object.keys(objectAt(operation.schema ?? {}, "properties"))) {
        const body = { ...bodyOf(operation, environment), [field]: misfit };
        const request = { ...callOf(operation, environment), body };
        const { details } = await expectRefusal(
          environment,
          request,
          "validation_failed",
          operation.name,
        );
        assert.ok(
          details.some(({ path }) => String(path).split(".")[0] === field),
          `${operation.name} does not name ${field}: ${JSON.stringify(details)}`,
        );
      }
    });
  },

  async "[I05] a field that no client may set is validation_failed"(environment, operations) {
    await each(operations.filter(withBody), async (operation) => {
      for (const fields of unknownFields) {
        const body = { ...bodyOf(operation, environment), ...fields };
        const request = { ...callOf(operation, environment), body };
        await expectRefusal(environment, request, "validation_failed", operation.name);
      }
      const [text = ""] = JSON.stringify(bodyOf(operation, environment)).split(/\}$/);
      const body = `${text},"__proto__":{"roles":["admin"]}}`;
      const request = { ...callOf(operation, environment), body };
      await expectRefusal(environment, request, "validation_failed", `${operation.name} __proto__`);
    });
  },

  async "[H11] a body over the limit is payload_too_large"(environment, operations) {
    const body = `{"title":"${"x".repeat(1_048_576)}"}`;
    // In sequence: in parallel these requests would be a load test, and both forms are tested
    // above.
    for (const operation of operations.filter(withBody)) {
      const outcome = await outcomeUnread(environment, { ...callOf(operation, environment), body });
      assert.equal(outcome, "413 payload_too_large", operation.name);
    }
  },

  async "a page that cannot be is validation_failed"(environment, operations) {
    const lists = ["/auth/accounts", "/auth/sessions", "/courses", "/enrollments"];
    const isList = ({ method, template }: Operation) =>
      method === "GET" && lists.includes(template);
    await each(operations.filter(isList), async (operation) => {
      for (const query of ["limit=0", "limit=101", "limit=x", "limit=1.5", "cursor=nonsense"]) {
        const request = callOf(operation, environment);
        const path = `${request.path}?${query}`;
        await expectRefusal(environment, { ...request, path }, "validation_failed", operation.name);
      }
    });
  },

  async "[I05] an unknown id is not_found"(environment, operations) {
    const named = operations.filter(({ template }) => template.includes("{id}"));
    await each(named, async (operation) => {
      const { template, name } = operation;
      for (const id of [unknownId, "1", "me2", "x".repeat(200)]) {
        const path = template.replace("{id}", id).replace("{lessonId}", unknownId);
        const body = bodyOf(operation, environment);
        const request = { ...callOf(operation, environment), path, ...(body ? { body } : {}) };
        await expectRefusal(environment, request, "not_found", name);
      }
    });
    await each(
      named.filter(({ template }) => template.includes("{lessonId}")),
      async (operation) => {
        const { path } = callOf(operation, environment);
        const body = bodyOf(operation, environment);
        const other = path.replace(environment.ids.lesson, unknownId);
        const request = {
          ...callOf(operation, environment),
          path: other,
          ...(body ? { body } : {}),
        };
        await expectRefusal(environment, request, "not_found", operation.name);
      },
    );
  },

  async "[I05] other people's things are not_found or forbidden"(environment, operations) {
    const { other, ids, learner, teacher } = environment;
    const theirs = operations.filter(({ template, rule }) =>
      template.includes("{id}") && !isOpenToAll(template, rule)
    );
    assert.ok(theirs.length >= 9);
    await each(theirs, async (operation) => {
      const { method, path } = callOf(operation, environment);
      const body = bodyOf(operation, environment);
      const call = { method, path, bearer: other.token, ...(body ? { body } : {}) };
      const code = (await outcomeOf(environment.send(call))).slice(4);
      assert.ok(code === "not_found" || code === "forbidden", `${operation.name}: ${code}`);
      await expectRefusal(environment, call, code, operation.name);
    });
    const draft = `/courses/${ids.draft}`;
    const enrollment = `/enrollments/${ids.enrollment}`;
    for (const { token: bearer } of [other, learner]) {
      await expectRefusal(environment, { path: draft, bearer }, "not_found", "a draft of another");
    }
    await expectRefusal(
      environment,
      { path: enrollment, bearer: teacher.token },
      "not_found",
      "enrollment",
    );
  },
};

/** Profiles and published courses are public; administration has no owner. */
function isOpenToAll(template: string, rule: Operation["rule"]): boolean {
  if (typeof rule !== "string") return rule.roles.includes("admin");
  return rule === "optional" || template.startsWith("/users/");
}

const attempts = 5;

/**
 * The outcome of a request whose body the gateway refuses without reading it. The local server in
 * front of workerd then closes the connection while the body is still on its way, so that the
 * response is sometimes cut off, or is the server's own text: such a request is sent again.
 */
async function outcomeUnread(environment: Environment, request: Sent): Promise<string> {
  for (let sent = 1;; sent++) {
    try {
      const response = await environment.send(request);
      const { status } = response;
      const text = await response.text();
      if (status !== 500 || sent === attempts) {
        return await outcomeOf(new Response(text, { status }));
      }
    } catch (cutOff) {
      if (sent === attempts || !(cutOff instanceof TypeError)) throw cutOff;
    }
  }
}
