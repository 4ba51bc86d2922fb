import assert from "node:assert/strict";
import { askWhoIAm, demoLearner, logIn } from "./support/dev_people.ts";
import { startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { isObject } from "./support/json.ts";

const joined = `
  const { PUBLIC_ORIGIN, PASSPORT_KEYS, ROUTES, ADMIN_PASSWORD, UPSTASH_REDIS_REST_URL,
    UPSTASH_REDIS_REST_TOKEN } = Deno.env.toObject();
  const body = JSON.stringify({ grantType: "password", ...JSON.parse(Deno.args[0]) });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(PUBLIC_ORIGIN + "/auth/token", { method: "POST", headers, body });
  const authorization = "Bearer " + UPSTASH_REDIS_REST_TOKEN;
  const ping = await fetch(UPSTASH_REDIS_REST_URL, {
    method: "POST", headers: { authorization }, body: '["PING"]',
  });
  console.log(JSON.stringify({
    status: answer.status, ping: await ping.json(), state: JSON.parse(PASSPORT_KEYS)[0].state,
    ROUTES, ADMIN_PASSWORD, names: Object.keys(Deno.env.toObject()),
  }));
`;

Deno.test("a process with dev.env joins the system, and every setting is unchanged", async () => {
  await using workspace = await temporaryWorkspace();
  const given = {
    ROUTES: `[{"prefix":"/echo","upstream":"http://127.0.0.1:9","access":{"roles":["a # b"]}}]`,
    ADMIN_PASSWORD: `it's $HOME "quoted" \\n # all`,
  };
  await using system = await startDev({ workspace: workspace.path, env: given });
  const program = `${workspace.path}/joined.ts`;
  await Deno.writeTextFile(program, joined);
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      `--env-file=${workspace.path}/dev.env`,
      program,
      JSON.stringify(demoLearner),
    ],
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "" },
    clearEnv: true,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const reported: unknown = JSON.parse(new TextDecoder().decode(stdout));
  assert.ok(isObject(reported));
  const { names, ...rest } = reported;
  assert.deepEqual(rest, { status: 200, ping: { result: "PONG" }, state: "signing", ...given });
  assert.ok(Array.isArray(names));
  for (const name of contractNames) assert.ok(names.includes(name), name);
  assert.equal(await askWhoIAm(system, await logIn(system, demoLearner)), "200 Demo Learner");
});

/** Every setting that the system's contract names. */
const contractNames = `
  PORT DASHBOARD_PORT EDGEPASS_HOME PUBLIC_ORIGIN ALLOWED_ORIGINS ISSUER TRUST_DOMAIN AUDIENCE
  AUTH USER COURSE ENROLLMENT RECOMMENDATION AUTH_DB USER_DB COURSE_DB ENROLLMENT_DB
  AUTH_DB_TOKEN USER_DB_TOKEN COURSE_DB_TOKEN ENROLLMENT_DB_TOKEN
  REFRESH_TOKEN_KEY SESSION_MAX_SECONDS LEEWAY_SECONDS CLIENT_ADDRESS ISSUERS ACCESS_TOKEN_KEYS
  ACCESS_TOKEN_TTL_SECONDS REFRESH_TOKEN_TTL_SECONDS PASSPORT_TTL_SECONDS PASSPORT_KEYS
  REVOCATION_TIMEOUT_MS UPSTASH_REDIS_REST_URL UPSTASH_REDIS_REST_TOKEN REDIS_URL QSTASH_URL
  QSTASH_TOKEN QSTASH_CURRENT_SIGNING_KEY QSTASH_NEXT_SIGNING_KEY ROUTES ADMIN_EMAIL
  ADMIN_PASSWORD OTEL_EXPORTER_OTLP_ENDPOINT
`.trim().split(/\s+/);
