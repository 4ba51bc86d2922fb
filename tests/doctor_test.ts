import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { machineVariables } from "../dev/workspace/environment.ts";
import { freePort, startDev, temporaryWorkspace, waitUntilGone } from "./support/dev_system.ts";
import { isObject, type Json } from "./support/json.ts";

interface DoctorOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Runs the command as a user does. */
async function runDoctor({ env = {}, args = [] }: DoctorOptions) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "doctor", ...args],
    env: { ...machineVariables(Deno.env.toObject()), ...env },
    clearEnv: true,
  }).output();
  const [text, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, text: text ?? "", complaint: complaint ?? "" };
}

/** The findings as `state check: what`; fails without any. */
async function listFindings(options: DoctorOptions): Promise<{ code: number; lines: string[] }> {
  const { code, text } = await runDoctor({ ...options, args: ["--json", ...options.args ?? []] });
  const report: unknown = JSON.parse(text);
  assert.ok(isObject(report) && Array.isArray(report.findings) && report.findings.length > 0);
  assert.equal(report.ok, code === 0);
  const findings: Json[] = report.findings.filter(isObject);
  for (const { state, mend } of findings) assert.equal(typeof mend === "string", state !== "ok");
  return { code, lines: findings.map(({ state, check, what }) => `${state} ${check}: ${what}`) };
}

const notWell = (lines: readonly string[]) => lines.filter((line) => !line.startsWith("ok "));

Deno.test("deno task doctor reports that nothing was started yet, and starts nothing", async () => {
  await using place = await temporaryWorkspace();
  const workspace = `${place.path}/home`;
  const ports = { PORT: String(freePort()), DASHBOARD_PORT: String(freePort()) };
  const { code, lines } = await listFindings({ env: { EDGEPASS_HOME: workspace, ...ports } });
  assert.deepEqual(notWell(lines), [
    `warn home: ${workspace} is not there: nothing was ever started here`,
  ]);
  assert.equal(code, 0);
  await assert.rejects(Deno.stat(workspace), Deno.errors.NotFound);
});

Deno.test("deno task doctor finds a running dev healthy, and reports the traces of a kill", async () => {
  await using workspace = await temporaryWorkspace();
  const DASHBOARD_PORT = String(freePort());
  await using system = await startDev({ workspace: workspace.path, env: { DASHBOARD_PORT } });
  const env = { EDGEPASS_HOME: workspace.path };
  const { code, lines } = await listFindings({ env });
  assert.deepEqual(notWell(lines), []);
  assert.equal(code, 0);
  for (
    const expected of ["ok gateway: /readyz reports ready", "ok redis: the revocation"]
  ) {
    assert.ok(lines.some((line) => line.startsWith(expected)), expected);
  }
  const family = await system.family();
  await system.end("SIGKILL", Number(await Deno.readTextFile(`${workspace.path}/dev.lock`)));
  await waitUntilGone(family);
  const after = await listFindings({ env });
  assert.equal(after.code, 0);
  assert.equal(notWell(after.lines).length, 1, after.lines.join("\n"));
  assert.match(
    notWell(after.lines)[0] ?? "",
    /^warn home: the last dev \(process \d+\) was killed; its state is still there$/,
  );
});

Deno.test("deno task doctor finds a split system healthy", async () => {
  await using workspace = await temporaryWorkspace();
  const DASHBOARD_PORT = String(freePort());
  await using _system = await startDev({
    workspace: workspace.path,
    args: ["--split"],
    env: { DASHBOARD_PORT },
  });
  const { code, lines } = await listFindings({ env: { EDGEPASS_HOME: workspace.path } });
  assert.deepEqual(notWell(lines), []);
  assert.equal(code, 0);
});

Deno.test("[D03] dev starts with a warning about an issuer that is away, and doctor says why", async () => {
  await using workspace = await temporaryWorkspace();
  const row = {
    alias: "partner",
    // Nothing listens there, and no part of dev takes it.
    iss: "http://127.0.0.1:9",
    audience: "api",
    algorithms: ["ES256"],
  };
  const env = { DASHBOARD_PORT: String(freePort()), ISSUERS: JSON.stringify([row]) };
  await using system = await startDev({ workspace: workspace.path, env });
  assert.match(
    system.output(),
    /No usable keys of issuer partner yet \(.+\): its tokens get 503 until/,
  );
  const ready = await system.fetch("/readyz");
  assert.equal(ready.status, 200);
  assert.deepEqual((await ready.json()).degraded, ["partner"]);
  const { code, lines } = await listFindings({
    env: { EDGEPASS_HOME: workspace.path, ISSUERS: env.ISSUERS },
  });
  assert.deepEqual(notWell(lines), [
    "fail issuers: partner: OpenID configuration: no connection",
    "warn gateway: issuer partner is not ready: no key set could be read",
  ]);
  assert.equal(code, 1);
});

Deno.test("deno task doctor exits with 1 where a check fails, and shows no secret", async () => {
  await using workspace = await temporaryWorkspace();
  const DASHBOARD_PORT = String(freePort());
  {
    await using _system = await startDev({ workspace: workspace.path, env: { DASHBOARD_PORT } });
  }
  await Deno.chmod(`${workspace.path}/keys/refresh-token-key`, 0o644);
  await Deno.writeTextFile(`${workspace.path}/db/user.sqlite`, "overwritten by something else");
  const given = {
    ISSUERS: "[hidden-issuers",
    PASSPORT_KEYS: JSON.stringify([{ kid: "hidden-kid", secret: "c2hvcnQ", state: "signing" }]),
    UPSTASH_REDIS_REST_URL: `http://hidden-host.localhost:${freePort()}`,
    UPSTASH_REDIS_REST_TOKEN: "hidden-token",
    OTEL_EXPORTER_OLTP_ENDPOINT: "http://hidden-collector",
  };
  const { code, text, complaint } = await runDoctor({
    env: { EDGEPASS_HOME: workspace.path, ...given },
  });
  assert.equal(code, 1, text);
  assert.equal(complaint, "");
  for (
    const line of [
      /^fail {2}home .*\/keys\/refresh-token-key is open to other users → chmod 600 /m,
      /^warn {2}names .*OTEL_EXPORTER_OLTP_ENDPOINT → .* set OTEL_EXPORTER_OTLP_ENDPOINT/m,
      /^fail {2}settings +ISSUERS: must be JSON \(gateway\) → correct its rows: docs\/reference.md /m,
      /^fail {2}keys +PASSPORT_KEYS \(0\.secret\): must be at least 32 random bytes/m,
      /^fail {2}databases +USER_DB is damaged or cannot be read/m,
      /^warn {2}issuers +they were not asked → fix ISSUERS, which settings reports above$/m,
      /^fail {2}redis +no response from UPSTASH_REDIS_REST_URL → /m,
      /^\d+ ok, 3 warn, 5 fail$/m,
    ]
  ) assert.match(text, line);
  const written = parseEnv(await Deno.readTextFile(`${workspace.path}/dev.env`));
  const secrets = ["ACCESS_TOKEN_KEYS", "REFRESH_TOKEN_KEY", "ADMIN_PASSWORD"]
    .map((name) => written[name] ?? "");
  for (const secret of [...secrets, "hidden-", "c2hvcnQ"]) {
    assert.ok(secret !== "" && !text.includes(secret));
  }
});

Deno.test("deno task doctor checks only the environment of a deployment", async () => {
  const { code, lines } = await listFindings({
    env: { PUBLIC_ORIGIN: "https://learn.example.com/" },
    args: ["--deployment", "--parts=gateway"],
  });
  assert.equal(code, 1);
  assert.deepEqual(lines.filter((line) => line.startsWith("fail ")), [
    "fail settings: PUBLIC_ORIGIN: must be an origin such as https://api.example.com, with nothing after it (gateway)",
    "fail settings: UPSTASH_REDIS_REST_URL is missing (gateway)",
    "fail settings: UPSTASH_REDIS_REST_TOKEN is missing (gateway)",
    "fail keys: PASSPORT_KEYS is missing (gateway)",
  ]);
});

Deno.test("deno task doctor lists its options for an unknown option", async () => {
  for (const args of [["--jsn"], ["--parts=gatway"], ["--parts=auth", "--parts=user"]]) {
    const { code, text, complaint } = await runDoctor({ args });
    assert.equal(code, 2);
    assert.equal(text, "");
    assert.match(complaint, /^unknown option\. Usage: deno task doctor \[--json\] /);
  }
});
