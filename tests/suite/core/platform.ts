import assert from "node:assert/strict";
import { randomToken, timingSafeEqual } from "@edgepass/shared/crypto";
import { uuidv7 } from "@edgepass/shared/sql";
import { createLogger } from "@edgepass/shared/context";
import { childSpan, newTrace, readTraceparent, toTraceparent } from "@edgepass/shared/telemetry";
import type { Case } from "./case.ts";

/** The platform features beyond ES2022 that the core needs. */
export const platformCases: readonly Case[] = [
  {
    name: "the runtime converts bytes to and from base64url and hex",
    run() {
      const bytes = Uint8Array.of(251, 255, 0);
      assert.equal(bytes.toBase64({ alphabet: "base64url", omitPadding: true }), "-_8A");
      assert.deepEqual(Uint8Array.fromBase64("-_8A", { alphabet: "base64url" }), bytes);
      assert.equal(bytes.toHex(), "fbff00");
      assert.deepEqual(Uint8Array.fromHex("fbff00"), bytes);
    },
  },
  {
    name: "the runtime groups by key and detects well-formed strings",
    run() {
      assert.equal(Map.groupBy([1, 2, 3], (n) => n % 2).get(1)?.length, 2);
      assert.equal("\ud800".isWellFormed(), false);
    },
  },
  {
    name: "timingSafeEqual compares secrets with any characters",
    async run() {
      assert.equal(await timingSafeEqual("geheim ü", "geheim ü"), true);
      assert.equal(await timingSafeEqual("", ""), true);
      for (const other of ["geheim", "geheim u", "geheim ü ", "GEHEIM Ü", ""]) {
        assert.equal(await timingSafeEqual("geheim ü", other), false);
      }
      assert.equal(await timingSafeEqual("\ud800", "\ud801"), false);
    },
  },
  {
    name: "ids have the documented format",
    run() {
      assert.match(
        uuidv7(0x0123456789ab),
        /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assert.match(randomToken(16), /^[\w-]{22}$/);
      const trace = childSpan(newTrace());
      assert.deepEqual(readTraceparent(toTraceparent(trace)), trace);
    },
  },
  {
    name: "a log line is one JSON object without the secrets in it",
    run() {
      const lines: string[] = [];
      const log = createLogger({ service: "s", sink: (line) => lines.push(line), now: () => 0 });
      log.info("Hello\nBearer abc", { email: "a@b.test", n: 1n });
      assert.deepEqual(lines.map((line) => JSON.parse(line)), [{
        time: "1970-01-01T00:00:00.000Z",
        level: "info",
        service: "s",
        message: "Hello\nBearer [redacted]",
        email: "[redacted]",
        n: "1",
      }]);
    },
  },
];
