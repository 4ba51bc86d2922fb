import assert from "node:assert/strict";
import { type AuthSetup, password, setupAuth } from "../../tests/support/auth_service.ts";
import { expectProblem } from "../../tests/support/services.ts";
import { loginAttemptLimits } from "./login_throttle.ts";

const email = "learner@example.com";
const home = "203.0.113.7";

const from = (address: string) => ({ headers: { "x-forwarded-for": address } });

async function attempt(
  auth: AuthSetup,
  { times = 1, address = home, who = email, tried = "not the sentence" } = {},
): Promise<string[]> {
  const codes: string[] = [];
  for (let time = 0; time < times; time++) {
    const response = await auth.call("POST", "/auth/login", {
      body: { email: who, password: tried },
      ...from(address),
    });
    codes.push((await response.json()).code ?? "ok");
  }
  return codes;
}

/** Exhausts an account's own limit from as many networks as needed. */
async function lockAccount(auth: AuthSetup): Promise<void> {
  const perNetwork = loginAttemptLimits.accountFromNetwork.max;
  for (let network = 0; network * perNetwork < loginAttemptLimits.account.max; network++) {
    await attempt(auth, { times: perNetwork, address: `198.51.100.${network}` });
  }
}

Deno.test("attempts for one account from one network end in 429, even with the correct password", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const { max, windowMs } = loginAttemptLimits.accountFromNetwork;
  assert.deepEqual(new Set(await attempt(auth, { times: max })), new Set(["credentials_invalid"]));
  auth.clock.advance(60_000);
  const response = await auth.logIn(email, from(home));
  assert.equal(response.headers.get("retry-after"), String(windowMs / 1000 - 60));
  await expectProblem(response, 429, "rate_limited");
  assert.deepEqual(await attempt(auth, { address: "203.0.113.8", tried: password }), ["ok"]);
  auth.clock.advance(windowMs - 60_000);
  assert.deepEqual(await attempt(auth, { tried: password }), ["ok"]);
});

Deno.test("an address without an account is throttled like any other", async () => {
  await using auth = await setupAuth();
  const codes = await attempt(auth, {
    times: loginAttemptLimits.accountFromNetwork.max + 1,
    who: "no@one.example",
  });
  assert.equal(codes.at(-2), "credentials_invalid");
  assert.equal(codes.at(-1), "rate_limited");
});

Deno.test("a correct password resets the count", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const times = loginAttemptLimits.accountFromNetwork.max - 1;
  for (let round = 0; round < 3; round++) {
    assert.ok(!(await attempt(auth, { times })).includes("rate_limited"));
    assert.deepEqual(await attempt(auth, { tried: password }), ["ok"]);
  }
});

Deno.test("parallel attempts are counted before their passwords are checked", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const { max } = loginAttemptLimits.accountFromNetwork;
  const codes = (await Promise.all(Array.from({ length: 30 }, () => attempt(auth)))).flat();
  const checked = codes.filter((code) => code === "credentials_invalid").length;
  // A network that takes all its places for hashing is refused too, and such attempts count nowhere.
  assert.ok(checked >= 1 && checked <= max, `${checked} of ${max} passwords were checked`);
  assert.equal(codes.filter((code) => code === "rate_limited").length, 30 - checked);
});

Deno.test("attempts from many networks lock the account, but do not lock out its owner", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  assert.deepEqual(await attempt(auth, { tried: password }), ["ok"]);
  await lockAccount(auth);
  const [code] = await attempt(auth, { address: "192.0.2.1", tried: password });
  assert.equal(code, "rate_limited");
  assert.deepEqual(await attempt(auth, { tried: password }), ["ok"]);
  assert.deepEqual(await attempt(auth, { address: `::ffff:${home}`, tried: password }), ["ok"]);
});

Deno.test("one network alone cannot lock an account elsewhere", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await attempt(auth, { times: loginAttemptLimits.account.max + 20 });
  assert.deepEqual(await attempt(auth, { address: "192.0.2.1", tried: password }), ["ok"]);
});

Deno.test("attempts at many accounts from one network end in 429 for that network only", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const { max } = loginAttemptLimits.network;
  const codes: string[] = [];
  for (let at = 0; at < max; at++) {
    codes.push(...await attempt(auth, { who: `learner${at}@example.com` }));
  }
  assert.deepEqual(new Set(codes), new Set(["credentials_invalid"]));
  assert.deepEqual(await attempt(auth, { tried: password }), ["rate_limited"]);
  assert.deepEqual(await attempt(auth, { address: "192.0.2.1", tried: password }), ["ok"]);
});

Deno.test("successful logins exhaust neither the limit of a network nor of an account", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  for (let at = 0; at < loginAttemptLimits.network.max + 5; at++) {
    assert.deepEqual(await attempt(auth, { tried: password }), ["ok"]);
  }
  assert.deepEqual(await attempt(auth, { address: "192.0.2.1", tried: password }), ["ok"]);
});

Deno.test("addresses in one /64 and spellings of one address share a count", async () => {
  await using auth = await setupAuth();
  const addresses = ["2001:db8::1", "2001:0DB8:0:0::2", "2001:db8:0:0:ffff::", "2001:db8::3%eth0"];
  const { max } = loginAttemptLimits.accountFromNetwork;
  const codes: string[] = [];
  for (let at = 0; at <= max; at++) {
    codes.push(...await attempt(auth, { address: addresses[at % addresses.length] ?? "" }));
  }
  assert.equal(codes.at(-1), "rate_limited");
  assert.deepEqual(await attempt(auth, { address: "2001:db8:0:1::1" }), ["credentials_invalid"]);
});

Deno.test("wrong passwords count as attempts in the password grant too", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const grant = (tried: string) =>
    auth.call("POST", "/auth/token", {
      body: { grantType: "password", email, password: tried },
      ...from(home),
    });
  for (let at = 0; at < loginAttemptLimits.accountFromNetwork.max; at++) {
    await expectProblem(grant("not the sentence"), 401, "credentials_invalid");
  }
  await expectProblem(grant(password), 429, "rate_limited");
});

Deno.test("sign-ups that probe for taken addresses end in 429", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  const { max } = loginAttemptLimits.failedSignUp;
  const probe = (address: string) =>
    auth.call("POST", "/auth/signup", {
      body: { email, password, name: "Demo Learner" },
      ...from(address),
    });
  for (let at = 0; at < max; at++) await expectProblem(probe(home), 409, "email_taken");
  await expectProblem(probe(home), 429, "rate_limited");
  await expectProblem(probe("192.0.2.1"), 409, "email_taken");
});

Deno.test("the store contains neither addresses nor networks of attempts in clear", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email, from(home));
  await attempt(auth, { tried: password });
  await attempt(auth);
  const loginThrottle = await auth.rows("SELECT key FROM guesses WHERE count > 0");
  const networks = await auth.rows("SELECT network FROM known_networks");
  assert.deepEqual([loginThrottle.length, networks.length], [4, 1]);
  for (const [key] of loginThrottle) assert.match(String(key), /^[A-Za-z]+:[\w-]{43}$/);
  for (const [network] of networks) assert.match(String(network), /^[\w-]{43}$/);
});
