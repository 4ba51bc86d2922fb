import assert from "node:assert/strict";
import {
  type AuthSetup,
  cheapCost,
  password,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import { expectProblem } from "../../tests/support/services.ts";
import { loginAttemptLimits } from "./login_throttle.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { Problem } from "@edgepass/shared/problem";

const email = "learner@example.com";
const home = "203.0.113.7";
const elsewhere = "192.0.2.1";
const wrong = "not the sentence";

const from = (address: string) => ({ headers: { "x-forwarded-for": address } });

/** The code of a login's response, `ok` when it succeeded. */
async function logIn(
  auth: AuthSetup,
  { who = email, address = home, tried = wrong } = {},
): Promise<string> {
  const body = { email: who, password: tried };
  const response = await auth.call("POST", "/auth/login", { body, ...from(address) });
  return (await response.json()).code ?? "ok";
}

async function signUp(auth: AuthSetup, who: string, address = home): Promise<string> {
  const body = { email: who, password, name: "Demo Learner" };
  const response = await auth.call("POST", "/auth/signup", { body, ...from(address) });
  return (await response.json()).code ?? "ok";
}

/** Raises all counts under one limit: a thousand requests would make a long test. */
async function count(auth: AuthSetup, limit: keyof typeof loginAttemptLimits, to: number) {
  const sql = "UPDATE guesses SET count = ? WHERE key LIKE ? || ':%' AND count > 0 RETURNING key";
  assert.ok((await auth.rows(sql, to, limit)).length > 0, `nothing is counted under ${limit}`);
}

/** The request that counts under each limit, repeated until it is refused. */
const counted: Record<
  keyof typeof loginAttemptLimits,
  (auth: AuthSetup, at: number) => Promise<string>
> = {
  accountFromNetwork: (auth) => logIn(auth),
  network: (auth, at) => logIn(auth, { who: `learner${at}@example.com` }),
  account: (auth, at) => logIn(auth, { address: `198.51.100.${at}` }),
  failedSignUp: (auth) => signUp(auth, email),
  signUp: (auth, at) => signUp(auth, `learner${at}@example.com`),
};
for (const [name, attempt] of Object.entries(counted)) {
  const limit = name as keyof typeof loginAttemptLimits;
  Deno.test(`attempts under ${limit} are refused beyond its limit, until its window ends`, async () => {
    await using auth = await setupAuth();
    await auth.signUp(email, from("203.0.113.99"));
    const { max, windowMs } = loginAttemptLimits[limit];
    const first = await attempt(auth, 0);
    assert.notEqual(first, "rate_limited");
    await count(auth, limit, max - 1);
    assert.equal(await attempt(auth, 1), first);
    assert.equal(await attempt(auth, 2), "rate_limited");
    auth.clock.advance(windowMs - 1);
    assert.equal(await attempt(auth, 3), "rate_limited");
    auth.clock.advance(1);
    assert.equal(await attempt(auth, 4), first);
    await count(auth, limit, max);
    auth.clock.advance(windowMs - 1);
    assert.equal(await attempt(auth, 5), "rate_limited", "a window is no shorter the second time");
    auth.clock.advance(1);
    assert.equal(await attempt(auth, 6), first, "and no longer");
  });
}

Deno.test("Retry-After is the end of the longest exceeded window, not of the first", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await logIn(auth, { who: "other@example.com" });
  auth.clock.advance(300_000);
  await logIn(auth);
  await count(auth, "network", loginAttemptLimits.network.max);
  await count(auth, "accountFromNetwork", loginAttemptLimits.accountFromNetwork.max);
  const response = await auth.logIn(email, from(home));
  assert.equal(response.headers.get("retry-after"), "900");
  await expectProblem(response, 429, "rate_limited");
});

Deno.test("a correct password removes its own attempt from the count, and no other of its network", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await logIn(auth, { who: "other@example.com" });
  await count(auth, "network", loginAttemptLimits.network.max - 1);
  assert.equal(await logIn(auth, { tried: password }), "ok");
  assert.equal(await logIn(auth, { who: "one@example.com" }), "credentials_invalid");
  assert.equal(await logIn(auth, { who: "two@example.com" }), "rate_limited");
});

Deno.test("a correct password removes its own attempt from the count, and no other of its account", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await logIn(auth, { address: elsewhere });
  await count(auth, "account", loginAttemptLimits.account.max - 1);
  assert.equal(await logIn(auth, { tried: password }), "ok");
  assert.equal(await logIn(auth, { address: "198.51.100.1" }), "credentials_invalid");
  assert.equal(await logIn(auth, { address: "198.51.100.2" }), "rate_limited");
});

Deno.test("a correct password removes no attempt at another account from the count, from the same network or not", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  for (const address of [home, elsewhere]) await logIn(auth, { address });
  await count(auth, "accountFromNetwork", loginAttemptLimits.accountFromNetwork.max);
  assert.equal(await logIn(auth, { who: "other@example.com", tried: password }), "ok");
  assert.equal(await logIn(auth, { tried: password }), "rate_limited");
  assert.equal(await logIn(auth, { address: elsewhere, tried: password }), "rate_limited");
});

Deno.test("a network is trusted only for accounts that logged in from it, and unlocks no other account", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  assert.equal(await logIn(auth, { who: "other@example.com", tried: password }), "ok");
  await logIn(auth, { address: elsewhere });
  await count(auth, "account", loginAttemptLimits.account.max);
  assert.equal(await logIn(auth, { tried: password }), "rate_limited");
});

Deno.test("a successful sign-up removes its own attempt from the count, and no other of its network", async () => {
  await using auth = await setupAuth();
  assert.equal(await signUp(auth, email), "ok");
  assert.equal(await signUp(auth, email), "email_taken");
  await count(auth, "failedSignUp", loginAttemptLimits.failedSignUp.max - 1);
  assert.equal(await signUp(auth, "one@example.com"), "ok");
  assert.equal(await signUp(auth, email), "email_taken");
  assert.equal(await signUp(auth, email), "rate_limited");
});

/** A person with a login, and changes of their password from home. */
async function withLogin(options: Parameters<typeof setupAuth>[0] = {}) {
  const auth = await setupAuth(options);
  const { id } = await auth.signUp(email);
  await auth.tokens({ email }, from(home));
  const [[sid] = []] = await auth.rows("SELECT sid FROM logins WHERE account_id = ?", id);
  const change = (current: string, next = "another sentence of mine") =>
    auth.call("POST", "/auth/password", {
      as: { sub: `user:${id}`, sid: String(sid) },
      body: { current, next },
      ...from(home),
    });
  return { ...auth, change };
}

Deno.test("wrong current passwords of a change count as login attempts: a stolen login is no bypass", async () => {
  await using auth = await withLogin();
  for (let at = 0; at < loginAttemptLimits.accountFromNetwork.max; at++) {
    await expectProblem(auth.change(wrong), 401, "credentials_invalid");
  }
  await expectProblem(auth.change(password), 429, "rate_limited");
  assert.equal(await logIn(auth, { tried: password }), "rate_limited");
  assert.equal(await logIn(auth, { address: elsewhere, tried: password }), "ok");
});

for (const limit of ["network", "account"] as const) {
  Deno.test(`wrong current passwords of a change count against the ${limit} too`, async () => {
    await using auth = await withLogin();
    await expectProblem(auth.change(wrong), 401, "credentials_invalid");
    await count(auth, limit, loginAttemptLimits[limit].max - 1);
    await expectProblem(auth.change(wrong), 401, "credentials_invalid");
    const attempt = limit === "network" ? { who: "other@example.com" } : { address: elsewhere };
    assert.equal(await logIn(auth, attempt), "rate_limited");
  });
}

Deno.test("a correct current password of a change resets the count", async () => {
  await using auth = await withLogin();
  const last = loginAttemptLimits.accountFromNetwork.max - 1;
  for (let at = 0; at < last; at++) {
    await expectProblem(auth.change(wrong), 401, "credentials_invalid");
  }
  assert.equal((await auth.change(password)).status, 204);
  for (let at = 0; at < last; at++) {
    await expectProblem(auth.change(wrong), 401, "credentials_invalid");
  }
});

Deno.test("an attempt that a busy service did not check is not counted", async () => {
  const hasher = createPasswordHasher({ cost: cheapCost });
  const busy = { is: false };
  const refuse = () => Promise.reject(new Problem("upstream_unavailable"));
  const passwords = {
    ...hasher,
    hash: (text: string) => busy.is ? refuse() : hasher.hash(text),
    verify: (text: string, phc: string | null) => busy.is ? refuse() : hasher.verify(text, phc),
  };
  await using auth = await withLogin({ passwords });
  const counts = () => auth.rows("SELECT key, count FROM guesses WHERE count > 0 ORDER BY key");
  const before = await counts();
  busy.is = true;
  for (let at = 0; at <= loginAttemptLimits.accountFromNetwork.max; at++) {
    assert.equal(await logIn(auth, { tried: password }), "upstream_unavailable");
    await expectProblem(auth.change(password), 503, "upstream_unavailable");
    assert.equal(await signUp(auth, "new@example.com"), "upstream_unavailable");
  }
  assert.deepEqual(await counts(), before);
  busy.is = false;
  assert.equal((await auth.change(password)).status, 204);
  assert.equal(await signUp(auth, "new@example.com"), "ok", "its address is free again");
});
