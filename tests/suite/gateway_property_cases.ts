import assert from "node:assert/strict";
import fc from "fast-check";
import { internalHeaders } from "@edgepass/shared/context";
import type { GatewayCase } from "./gateway_environment.ts";

const unreserved = "ABCXYZabcxyz0189-_~";
const pathChar = fc.oneof(
  fc.constantFrom(...unreserved, ..."!$&'()*+,=:@"),
  fc.constantFrom("%20", "%C3%A9", "%e2%82%ac", "%F0%9F%98%80", "%3B", "%3F", "%5B", "a.b", "%24"),
);
const segment = fc.array(pathChar, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
const query = fc.array(
  fc.oneof(
    fc.constantFrom(...unreserved, ..."!$&()*+,./:;=?@[]^`{|}"),
    fc.constantFrom("%00", "%2e%2e", "%27", "%FF", "&a=", ".."),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));
const canonicalTarget = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.option(query)).map(
  ([segments, text]) => ["/public", ...segments].join("/") + (text === null ? "" : `?${text}`),
);

const anyTarget = fc.array(
  fc.oneof(
    fc.constantFrom(
      ..."/.\\%;?#&=@:<>\"'`{}|^~",
      "..",
      "//",
      "%2e",
      "%2f",
      "%5c",
      "%00",
      "%25",
      "public",
      "member",
    ),
    fc.string({ maxLength: 3 }),
  ),
  { maxLength: 8 },
).map((parts) => `/public/${parts.join("")}`);

export const propertyCases: Readonly<Record<string, GatewayCase>> = {
  async "[H03] any canonical target is what URL makes of it, and arrives byte for byte"(
    environment,
  ) {
    const { call, echo } = environment;
    await fc.assert(
      fc.asyncProperty(canonicalTarget, async (target) => {
        const { pathname, search, href } = new URL(`http://x${target}`);
        if (target.endsWith("?")) assert.equal(href, `http://x${target}`);
        else assert.equal(pathname + search, target);
        echo.reset();
        assert.equal((await call(target)).status, 200, target);
        assert.equal(echo.last().target, target);
      }),
      { numRuns: 100 },
    );
  },

  async "[H03] any other target reaches no upstream unless it is canonical"({ call, echo }) {
    const printable = anyTarget.filter((target) => /^[\x21-\x7e]+$/.test(target));
    await fc.assert(
      fc.asyncProperty(printable, async (target) => {
        echo.reset();
        const { status } = await call(target);
        if (status !== 200) return assert.equal(echo.seen.length, 0, target);
        const sent = echo.last().target;
        // The runtime may have normalised the target; the gateway did not.
        const normal = target.replace(/#.*/, "");
        const { pathname, search } = new URL(`http://x${normal}`);
        assert.ok(sent === normal || sent === pathname + search, `${target} became ${sent}`);
        assert.equal(new URL(`http://x${sent}`).pathname, sent.split("?")[0]);
      }),
      { numRuns: 200 },
    );
  },

  async "[P01, H02] an internal name in any case and spelling never arrives but as ours"(
    environment,
  ) {
    const { call, echo, passportOf } = environment;
    const names = [
      ...Object.values(internalHeaders).filter((name) => !name.startsWith("trace")),
      "x-user-id",
      "x-internal",
      "remote-user",
      "cf-access-jwt-assertion",
    ];
    const spelling = fc.constantFrom(...names).chain((name) =>
      fc.tuple(
        ...Array.from(name, (char) =>
          char === "-"
            ? fc.constantFrom("-", "_")
            : fc.constantFrom(char.toLowerCase(), char.toUpperCase())),
      ).map((chars) =>
        chars.join("")
      )
    );
    await fc.assert(
      fc.asyncProperty(fc.array(spelling, { minLength: 1, maxLength: 5 }), async (planted) => {
        echo.reset();
        await call("/public", { headers: planted.map((name) => [name, "planted"] as const) });
        const { headers } = echo.last();
        assert.deepEqual([...headers].filter(([, value]) => value.includes("planted")), []);
        assert.equal((await passportOf(headers)).sub, "anon");
      }),
      { numRuns: 60 },
    );
  },
};
