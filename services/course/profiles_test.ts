import assert from "node:assert/strict";
import { ann, profilesOf, sailing, setupCourse } from "../../tests/support/course_service.ts";
import { expectProblem } from "../../tests/support/services.ts";

const brokenProfiles = {
  "is down": [
    () => {
      throw new TypeError("connection refused");
    },
    503,
    "upstream_unavailable",
  ],
  "fails": [() => new Response("no", { status: 500 }), 502, "upstream_bad_response"],
  "has no store": [() => new Response("no", { status: 503 }), 503, "upstream_unavailable"],
  "returns no JSON": [() => new Response("<p>"), 502, "upstream_bad_response"],
  "returns another document": [() => Response.json({ ok: true }), 502, "upstream_bad_response"],
  "redirects": [
    () => new Response(null, { status: 302, headers: { location: "/" } }),
    502,
    "upstream_bad_response",
  ],
  "refuses the Passport": [
    () => Response.json({ code: "passport_invalid" }, { status: 401 }),
    502,
    "upstream_bad_response",
  ],
  "has no such account": [() => new Response(null, { status: 404 }), 403, "forbidden"],
} as const;
for (const [what, [respond, status, code]] of Object.entries(brokenProfiles)) {
  Deno.test(`no course is created when user ${what}`, async () => {
    const app = profilesOf("", respond);
    app.onError((error) => {
      throw error;
    });
    using platform = await setupCourse({ profiles: app });
    await expectProblem(
      platform.call("POST", "/courses", { as: ann, body: sailing }),
      status,
      code,
    );
    assert.deepEqual(
      await platform.database.run({ sql: "SELECT id FROM courses", params: [] }),
      [],
    );
  });
}
