import assert from "node:assert/strict";
import { services as names } from "../app/services.ts";
import { files, type Source } from "./support/sources.ts";

/** Auth is the identity provider: tokens and headers are its product. */
const services = names.filter((name) => name !== "auth").map((name) => `services/${name}`);

/**
 * The file that names a user to a third party, and the files that read the secrets for that and for
 * Redis.
 */
const exempt: readonly string[] = [
  "services/recommendation/recommender.ts",
  "services/recommendation/service.ts",
];

/** Code that a service author would write to handle tokens or headers. */
const securityWork: Readonly<Record<string, RegExp>> = {
  "a header": /\bheaders?\b|\bx-[a-z]+-?[a-z]*\b(?=["'`])|\btraceparent\b|\btracestate\b/i,
  "a credential": /\bauthori[sz]ation\b|\bbearer\b|cookie|\bapi.?key\b/i,
  "a token": /(?<!_DB_)token(?!s?Store)|jwt|\bjose\b|\bjw[sek]s?\b|\bclaims?\b|\bkid\b/i,
  "a Passport's text or keys": /passport(Token|Keys|Verifier|Claims)|PASSPORT_|verifyPassport/i,
  "cryptography":
    /\bcrypto\b|\bhmac\b|\bsubtle\b|\bsign(ing|ature|J\w+)?\b(?![- ](in|up|out)\b)|verif/i,
  "the service runtime's internals":
    /shared\/(crypto|tokens|context)\b|\b(read|to)Trace(parent|state)\b/,
};

/** Lines of code that do such work, as `path:line: what`; comments do not count. */
function findSecurityWork({ path, text }: Source): string[] {
  const lines = withoutComments(text).split("\n");
  return lines.flatMap((line, at) =>
    Object.entries(securityWork).filter(([, pattern]) => pattern.test(line))
      .map(([what]) => `${path}:${at + 1}: ${what}`)
  );
}

/** Blanks out comments and keeps the line numbers. */
function withoutComments(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

Deno.test("services contain no line of token or header code", async () => {
  let count = 0;
  for await (const source of files(services)) {
    count++;
    if (!exempt.includes(source.path)) assert.deepEqual(findSecurityWork(source), []);
  }
  assert.ok(count > 20, "the services were found");
});

Deno.test("services read only the caller from a Passport", async () => {
  for await (const { path, text } of files(services)) {
    const imports = text.match(/^import .*"@edgepass\/shared\/passport";$/gm) ?? [];
    for (const line of imports) assert.equal(line.split(" ")[1], "type", `${path}: ${line}`);
  }
});

Deno.test("files of services stay within 300 lines", async () => {
  for await (const { path, text } of files(services)) {
    assert.ok(text.split("\n").length <= 301, path);
  }
});

const planted = [
  `const name = c.req.header("x-user-id");`,
  `const name = request.headers.get("accept");`,
  `headers.set("X-Passport", token);`,
  `const caller = "X-User-Id";`,
  `const scheme = "Bearer ";`,
  `if (c.req.raw.Authorization) return;`,
  `import { verify } from "hono/jwt";`,
  `import { jwtVerify } from "jose";`,
  `const key = await crypto.subtle.importKey("raw", secret);`,
  `const verifyPassport = createPassportVerifier(options);`,
  `const { PASSPORT_KEYS } = bindings;`,
  `const accessToken = session.value;`,
  `setCookie(c, "session", id);`,
  `import { signJws } from "@edgepass/shared/crypto";`,
  `import { currentContext } from "@edgepass/shared/context";`,
  `import { readTraceparent } from "@edgepass/shared/telemetry";`,
  `const exp = claims.exp;`,
];

for (const line of planted) {
  Deno.test(`the scan finds a planted line: ${line}`, () => {
    const text = `/** A rule. */\nexport const rule = 1;\n${line}\n`;
    const found = findSecurityWork({ path: "planted.ts", text });
    assert.ok(found.length > 0);
    assert.ok(found.every((hit) => hit.startsWith("planted.ts:3: ")));
  });
}

Deno.test("the scan ignores comments and database settings", () => {
  const text =
    `/** The Passport's token\n * and headers. */\nconst db = COURSE_DB_TOKEN; // a token\n`;
  assert.deepEqual(findSecurityWork({ path: "fair.ts", text }), []);
});
