import assert from "node:assert/strict";
import type { Attributes, RequestDetail, Span } from "../api_types.ts";
import { toClaims, toDecisions, toLife } from "./decision.ts";

function span(name: string, attributes: Attributes, more: Partial<Span> = {}): Span {
  return {
    spanId: name,
    parentId: "root",
    name,
    kind: "internal",
    service: "gateway",
    start: 1,
    durationMs: 1,
    status: "unset",
    attributes,
    events: [],
    links: [],
    ...more,
  };
}

const root = (attributes: Attributes) =>
  span("GET /users/me", attributes, { spanId: "root", parentId: null, kind: "server", start: 0 });
const detail = (...spans: Span[]): RequestDetail => ({
  request: null,
  spans,
  logs: [],
  passport: null,
  verdicts: [],
  events: [],
});
const describe = (trace: RequestDetail) =>
  toDecisions(trace).map(({ name, text, isRefusal }) => `${name}${isRefusal ? "!" : ""}: ${text}`);

Deno.test("a request that passes is described step by step", () => {
  const trace = detail(
    root({
      "http.route": "/users/me",
      "edgepass.rule": "roles:admin,instructor",
      "edgepass.credential": "bearer",
      "edgepass.issuer": "user",
      "edgepass.token.kid": "k1",
      "http.response.status_code": 200,
    }),
    span("gateway.verify", {}),
    span("gateway.revocation", {
      "edgepass.revocation.answer": "clear",
      "edgepass.revocation.mode": "strict",
    }),
    span("gateway.sign", { "edgepass.passport.kid": "p1", "edgepass.passport.pv": "0.1.0" }),
    span("GET", { "edgepass.peer": "user", "http.response.status_code": 200 }, { kind: "client" }),
    span("gateway.envelope", {}),
  );
  assert.deepEqual(describe(trace), [
    "Route: /users/me, for the role admin or instructor",
    "Credentials: An access token in Authorization",
    "Verify: Signed with the key k1, issuer user",
    "Revocation: Not revoked (strict)",
    "Sign: Passport 0.1.0 with the key p1",
    "Forward: user returned 200",
    "Envelope: The response is wrapped",
    "Response: 200",
  ]);
});

Deno.test("a refusal is described with its code, and no step after it", () => {
  const trace = detail(
    root({
      "http.route": "/users/me",
      "edgepass.rule": "authenticated",
      "edgepass.credential": "cookie",
      "http.response.status_code": 503,
      "error.type": "revocation_unavailable",
    }),
    span("gateway.revocation", {
      "edgepass.revocation.answer": "unavailable",
      "error.type": "revocation_unavailable",
    }, { status: "error" }),
  );
  assert.deepEqual(describe(trace), [
    "Route: /users/me, for people who are signed in",
    "Credentials: An access token in the cookie",
    "Revocation!: Unknown: Redis did not respond",
    "Response!: 503 revocation_unavailable",
  ]);
});

Deno.test("a refused token is described with its reason", () => {
  const refused = (name: string, reason: string, attributes: Attributes) =>
    describe(detail(
      root({ "edgepass.token.refusal": reason }),
      span(name, attributes, { status: "error" }),
    ))[2];
  assert.equal(
    refused("gateway.verify", "claim_missing:sid", { "error.type": "token_invalid" }),
    "Verify!: Refused: token_invalid, claim_missing:sid",
  );
  assert.equal(
    refused("gateway.revocation", "revoked:login", { "edgepass.revocation.answer": "revoked" }),
    "Revocation!: Revoked, revoked:login",
  );
});

Deno.test("a trace that did not pass the gateway has no decisions", () => {
  assert.deepEqual(toDecisions(detail(span("GET /x", {}, { service: "user" }))), []);
  const lost = detail(root({ "http.response.status_code": 404, "error.type": "not_found" }));
  assert.deepEqual(describe(lost), [
    "Route!: None fits",
    "Credentials: None",
    "Response!: 404 not_found",
  ]);
});

const iat = 1_700_000_000;
const claims = {
  custom: { a: 1 },
  exp: iat + 30,
  iat,
  roles: ["learner", "instructor"],
  scope: "",
  sub: "anon",
  uv: 3,
};

Deno.test("claims are shown in reading order, unknown ones last", () => {
  const shown = toClaims(claims, iat * 1000);
  const names = shown.map(({ name }) => name);
  assert.deepEqual(names, ["sub", "roles", "scope", "iat", "exp", "uv", "custom"]);
  const values = Object.fromEntries(shown.map(({ name, value }) => [name, value]));
  assert.equal(values.roles, "learner, instructor");
  assert.equal(values.scope, "none");
  assert.equal(values.custom, '{"a":1}');
  assert.match(values.exp ?? "", /\(in 30 s\)$/);
});

Deno.test("a Passport's lifetime is shown in all and from now on", () => {
  assert.equal(toLife(claims, (iat + 12) * 1000), "Valid for 30 s, 18 s left");
  assert.equal(toLife(claims, (iat + 90) * 1000), "Valid for 30 s, expired 1 min ago");
  assert.equal(toLife({ iat }, 0), undefined);
});
