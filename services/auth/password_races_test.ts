import assert from "node:assert/strict";
import { asCaller, cheapCost, password, setupAuth } from "../../tests/support/auth_service.ts";
import { expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";

const email = "learner@example.com";
const next = "another sentence that only I know";

Deno.test("a password that changes during a login's rehash of the old one stays changed", async () => {
  const old = createPasswordHasher({ cost: cheapCost });
  const today = createPasswordHasher({ cost: { ...cheapCost, t: 2 } });
  const during: { run: () => Promise<unknown> } = { run: () => Promise.resolve() };
  const passwords = {
    ...today,
    async hash(text: string) {
      const phc = await today.hash(text);
      await during.run();
      return phc;
    },
  };
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  await auth.signUp(email);
  const set = async (text: string) =>
    await auth.rows("UPDATE accounts SET password_hash = ?", await old.hash(text));
  await set(password);
  during.run = () => set(next);
  await auth.tokens({ email });
  during.run = () => Promise.resolve();
  await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  await auth.tokens({ email, password: next });
});

Deno.test("of two concurrent password changes the later is refused: its current password is no longer correct", async () => {
  const hasher = createPasswordHasher({ cost: cheapCost });
  const during: { run?: () => Promise<unknown> } = {};
  const passwords = {
    ...hasher,
    async hash(text: string) {
      const phc = await hasher.hash(text);
      await during.run?.();
      return phc;
    },
  };
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  await auth.signUp(email);
  const as = asCaller(await auth.tokens({ email }));
  const change = (wanted: string) =>
    auth.call("POST", "/auth/password", { as, body: { current: password, next: wanted } });
  during.run = async () => {
    delete during.run;
    await expectNoContent(change(next));
  };
  await expectProblem(change("the sentence of another person"), 401, "credentials_invalid");
  await auth.tokens({ email, password: next });
});

Deno.test("a password change renews the login of its Passport, and none that a cookie names", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  const as = asCaller(await auth.tokens({ email }));
  const other = await auth.tokens({ email: "other@example.com" });
  const response = await auth.call("POST", "/auth/password", {
    as,
    body: { current: password, next },
    headers: { cookie: `refresh_token=${other.refreshToken}` },
  });
  assert.deepEqual(response.headers.getSetCookie(), []);
  await expectNoContent(response);
  const states = await auth.rows("SELECT DISTINCT state FROM refresh_tokens");
  assert.deepEqual(states, [["active"]], "no token was exchanged");
});
