import assert from "node:assert/strict";
import { cookieNames } from "./access_token.ts";

Deno.test("cookieNames carry the __Host- prefix on https alone [RFC 6265bis §4.1.3.2]", () => {
  assert.deepEqual(cookieNames("https://api.test"), {
    access: "__Host-access_token",
    refresh: "__Host-refresh_token",
    secure: true,
  });
  assert.deepEqual(cookieNames("http://127.0.0.1:8787"), {
    access: "access_token",
    refresh: "refresh_token",
    secure: false,
  });
});
