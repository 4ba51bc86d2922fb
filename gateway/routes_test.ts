import { Problem } from "@edgepass/shared/problem";
import fc from "fast-check";
import assert from "node:assert/strict";
import { createRouteTable, type Route } from "./routes.ts";

const upstream = { name: "x", fetch: () => Promise.resolve(new Response()) };
const limits = { maxTimeoutMs: 30_000 };
const toRoute = (path: string): Route => ({ path, upstream, access: "public" });

const segment = fc.constantFrom("a", "b", "c", "{id}", "{other}");
const routePath = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.boolean()).map(
  ([segments, subtree]) => `/${[...segments, ...(subtree ? ["*"] : [])].join("/")}`,
);

/** Two routes with the same shape match the same requests. */
const shape = (path: string) => path.replace(/\{\w+\}/g, "{}");

/** A route's path as a rank, position by position, or undefined where it does not match. */
function rank(path: string, segments: readonly string[]): string | undefined {
  const own = path.slice(1).split("/");
  const isSubtree = own.at(-1) === "*";
  if (isSubtree) own.pop();
  if (isSubtree ? segments.length < own.length : segments.length !== own.length) return undefined;
  const fits = own.every((part, at) =>
    part.startsWith("{") ? segments[at] !== "" : part === segments[at]
  );
  if (!fits) return undefined;
  // Higher sorts later: literal over parameter over the end of a subtree.
  return own.map((part) => part.startsWith("{") ? "1" : "2").join("") + (isSubtree ? "0" : "3");
}

Deno.test("the table finds the same route as a search through all routes", () => {
  const paths = fc.uniqueArray(routePath, { selector: shape, maxLength: 12 });
  const request = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(paths, request, (all, segments) => {
      const best = all.map((path) => ({ path, rank: rank(path, segments) }))
        .filter((it) => it.rank !== undefined)
        .sort((one, two) => (one.rank ?? "") < (two.rank ?? "") ? 1 : -1)[0];
      assert.equal(createRouteTable(all.map(toRoute), limits).at(segments)?.path, best?.path);
    }),
    { numRuns: 1000 },
  );
});

const refusals: Readonly<Record<string, [change: object, message: RegExp]>> = {
  "no access rule": [{ access: undefined }, /has no access rule/],
  "an unknown access rule": [{ access: "everybody" }, /has no access rule/],
  "an empty list of roles": [{ access: { roles: [] } }, /has no access rule/],
  "a table of methods that is empty": [{ access: {} }, /has no access rule/],
  "an unknown method": [{ access: { TRACE: "public" } }, /has no access rule/],
  "a dot segment": [{ path: "/a/../b" }, /path of whole segments/],
  "half a segment": [{ path: "/a*" }, /path of whole segments/],
  "no slash in front": [{ path: "a" }, /path of whole segments/],
  "an empty segment": [{ path: "/a//b" }, /path of whole segments/],
  "an escape": [{ path: "/%61" }, /path of whole segments/],
  "a slash at its end": [{ path: "/a/" }, /must not end with a slash/],
  "a time limit over the Passport's life": [{ timeoutMs: 30_001 }, /timeoutMs/],
  "no time at all": [{ timeoutMs: 0 }, /timeoutMs/],
  "a time that is no number": [{ timeoutMs: Number.NaN }, /timeoutMs/],
  "a negative size": [{ maxBodyBytes: -1 }, /maxBodyBytes/],
  "the path of one of the gateway's own documents": [{ path: "/docs/*" }, /document of its own/],
  "no staleness": [{ revocation: { boundedMs: 0 } }, /boundedMs/],
};

/**
 * A table from settings or plain JavaScript may have values that the type forbids; hence the cast.
 */
function misshape(change: object): Route {
  return { ...toRoute("/a"), ...change } as Route;
}

for (const [what, [change, message]] of Object.entries(refusals)) {
  Deno.test(`a route with ${what} is refused at boot, by name`, () => {
    const route = misshape(change);
    assert.throws(() => createRouteTable([route], limits), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(`Cannot start: route ${route.path} `));
      return true;
    });
  });
}

Deno.test("the same path twice is refused, also under another parameter's name", () => {
  for (const twice of [["/a", "/a"], ["/a/*", "/a/*"], ["/a/{id}", "/a/{other}"]]) {
    assert.throws(() => createRouteTable(twice.map(toRoute), limits), /is there twice/);
  }
  createRouteTable(["/a", "/a/*", "/a/{id}", "/a/b"].map(toRoute), limits);
});

Deno.test("HEAD has the rule of GET, and no other method's [RFC 9110 §9.3.2]", () => {
  const ofGet = { roles: ["reader"] } as const;
  const ruleOfHead = (access: Route["access"]) =>
    createRouteTable([{ path: "/a", upstream, access }], limits).find(["a"], "HEAD").rule;
  assert.equal(ruleOfHead({ POST: "public", GET: ofGet, DELETE: "optional" }), ofGet);
  assert.equal(ruleOfHead({ GET: ofGet, POST: "public" }), ofGet);
  assert.equal(ruleOfHead({ GET: "public", POST: ofGet }), "public");
  assert.equal(ruleOfHead(ofGet), ofGet);
  assert.throws(() => ruleOfHead({ POST: "public" }), { code: "method_not_allowed" });
});

Deno.test("a method without a rule is refused with the allowed methods", () => {
  const access = { GET: "public", POST: { roles: ["a"] } } as const;
  const table = createRouteTable([{ path: "/a", upstream, access }], limits);
  assert.throws(() => table.find(["a"], "DELETE"), (error) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual([error.code, error.headers.allow], ["method_not_allowed", "GET, HEAD, POST"]);
    return true;
  });
  for (const method of ["TRACE", "get", "__proto__", "constructor"]) {
    assert.throws(() => table.find(["a"], method), { code: "method_not_allowed" });
  }
  assert.throws(() => table.find(["b"], "GET"), { code: "not_found" });
});
