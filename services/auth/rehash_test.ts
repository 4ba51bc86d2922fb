import assert from "node:assert/strict";
import { cheapCost, password, setupAuth } from "../../tests/support/auth_service.ts";
import { expectProblem } from "../../tests/support/services.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";

const email = "learner@example.com";
const next = "another sentence that only I know";

Deno.test("a password that changes while a login hashes the old one again stays changed", async () => {
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
