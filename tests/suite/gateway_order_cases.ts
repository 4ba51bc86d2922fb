import assert from "node:assert/strict";
import fc from "fast-check";
import { type CallOptions, type GatewayCase } from "./gateway_environment.ts";

/** Faults in the order in which they are refused, with what each adds to a request. */
const faults = [
  { code: "misdirected_request", of: { headers: [["Host", "evil.test"]] } },
  { code: "path_not_canonical", of: { suffix: "/a;b" } },
  { code: "headers_too_large", of: { headers: [["X-Big", "x".repeat(16_400)]] } },
  { code: "not_found", of: { prefix: "/nowhere" } },
  { code: "csrf_rejected", of: { headers: [["Origin", "https://evil.test"]] } },
  { code: "token_invalid", of: { credential: "garbage" } },
  { code: "token_revoked", of: { credential: "revoked" } },
  { code: "forbidden", of: { prefix: "/admin" } },
  { code: "payload_too_large", of: { bytes: 1001 } },
  { code: "unsupported_media_type", of: { headers: [["Content-Encoding", "gzip"]] } },
  { code: "upstream_bad_response", of: { upstream: "garbage" } },
] as const satisfies readonly { code: string; of: Fault }[];

interface Fault {
  readonly headers?: readonly (readonly [string, string])[];
  readonly prefix?: string;
  readonly suffix?: string;
  readonly credential?: "garbage" | "revoked";
  readonly bytes?: number;
  readonly upstream?: "garbage";
}

export const orderCases: Readonly<Record<string, GatewayCase>> = {
  async "a request wrong in several ways is refused for the first in the order"(environment) {
    const { token, json, redis, echo } = environment;
    const tokens = { good: await token(), revoked: await token({ jti: "gone" }), garbage: "x.y.z" };
    redis.revoke("token", "gone");
    const some = fc.subarray([...faults.keys()], { minLength: 1 });
    // A step that is gone shows where its fault is alone, a swapped one beside its neighbour.
    const alone = faults.map((_, at) => [at]);
    const neighbours = faults.slice(1).map((_, at) => [at, at + 1]);
    const examples = [...alone, ...neighbours].map((chosen): [number[]] => [chosen]);
    await fc.assert(
      fc.asyncProperty(some, async (chosen) => {
        const wrong = chosen.map((at) => faults[at]).filter((fault) => fault !== undefined);
        const of: Fault = wrong.reduce((all, { of }) => merge(of, all), {});
        echo.reset();
        if (of.upstream) {
          // The service refuses the gateway's own Passport [P13].
          const headers = { "content-type": "application/problem+json" };
          const body = JSON.stringify({ code: "passport_invalid" });
          echo.respondWith(() => new Response(body, { status: 401, headers }));
        }
        const options: CallOptions = {
          method: "POST",
          cookie: tokens[of.credential ?? "good"],
          headers: of.headers ?? [],
          body: "x".repeat(of.bytes ?? 10),
        };
        const response = await json(`${of.prefix ?? "/member"}${of.suffix ?? ""}`, options);
        assert.equal(response.code, wrong[0]?.code, wrong.map(({ code }) => code).join(" "));
        assert.equal(response.headers.get("cache-control"), "no-store");
        assert.equal(echo.seen.length, of.upstream && wrong.length === 1 ? 1 : 0);
      }),
      { examples, numRuns: examples.length + 60 },
    );
  },

  async "[C06] a wrong method goes before another site, and no route before both"({ json }) {
    const headers = [["Origin", "https://evil.test"]] as const;
    assert.equal((await json("/items/1", { method: "PUT", headers })).code, "method_not_allowed");
    assert.equal((await json("/nowhere", { method: "PUT", headers })).code, "not_found");
  },

  async "unavailable revocation is reported before missing roles"({ json, redis, token }) {
    redis.behave("responds with 500");
    const { code } = await json("/admin", { bearer: await token() });
    assert.equal(code, "revocation_unavailable");
  },
};

/** Where two faults set the same member, the earlier fault wins. */
function merge(later: Fault, earlier: Fault): Fault {
  return { ...later, ...earlier, headers: [...(earlier.headers ?? []), ...(later.headers ?? [])] };
}
