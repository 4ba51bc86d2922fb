import assert from "node:assert/strict";
import { readJws } from "@edgepass/shared/crypto";
import { askWhoIAm, demoLearner, logIn } from "./support/dev_people.ts";
import { startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { startLoad } from "./support/load.ts";

// A busy machine must not look like an unavailable Redis.
const env = { REVOCATION_TIMEOUT_MS: "10000" };

for (const args of [[], ["--split"]]) {
  Deno.test(`deno task keys rotates keys of deno task dev ${args.join(" ")} while users send requests`, async () => {
    await using workspace = await temporaryWorkspace();
    await using system = await startDev({ workspace: workspace.path, args, env });
    const keys = (...args: string[]) => runKeys(args, workspace.path);
    const tokens = [await logIn(system, demoLearner)];
    await using load = startLoad(2, async (at) => {
      const shown = await askWhoIAm(system, tokens[at % tokens.length] ?? "");
      return shown === "200 Demo Learner" ? null : shown;
    });

    const kids = new Set(tokens.map(kidOf));
    const passportKids = new Set([signingKid(await keys("list"))]);
    for (let round = 0; round < 2; round++) {
      const access = await keys("rotate", "access", "--wait", "1");
      assert.equal(access.code, 0, access.text);
      tokens.push(await logIn(system, demoLearner));
      kids.add(kidOf(tokens.at(-1)));
      await load.pass();
      const passport = await keys("rotate", "passport", "--wait", "1");
      assert.equal(passport.code, 0, passport.text);
      passportKids.add(signingKid(await keys("list")));
      await load.pass();
    }
    assert.deepEqual([kids.size, passportKids.size], [3, 3], "each rotation has a key of its own");
    await load.end();
    assert.deepEqual(load.failures, []);
    const { text } = await keys("list");
    assert.equal(text.match(/ retired /g)?.length, 4, text);
    assert.match(text, /^passport .* published .* signs next$/m);

    const [first = ""] = kids;
    const early = await keys("retire", "access", first);
    assert.equal(early.code, 1);
    assert.match(early.text, /may be valid until/);
    const revoked = await keys("revoke", "access", first);
    assert.equal(revoked.code, 0, revoked.text);
    assert.equal(await askWhoIAm(system, tokens[0] ?? ""), "401 token_revoked");
    assert.equal(await askWhoIAm(system, tokens.at(-1) ?? ""), "200 Demo Learner");
    const material = await readMaterial(workspace.path);
    const shown = [text, early.text, revoked.text, system.output()].join("\n");
    assert.ok(material.length >= 6);
    for (const secret of material) assert.ok(!shown.includes(secret));
  });
}

function kidOf(token = ""): string {
  return String(readJws(token, 8_192)?.header.kid);
}

function signingKid({ text }: { text: string }): string {
  return /^passport +(\S+) +S +signing/m.exec(text)?.[1] ?? assert.fail(text);
}

/** Key material that must not appear in any output. */
async function readMaterial(workspace: string): Promise<string[]> {
  const read = async (name: string) => await Deno.readTextFile(`${workspace}/keys/${name}`);
  const text = await read("passport-keys.json") + await read("access-token-keys.json");
  return [...text.matchAll(/"(?:secret|d)":"([^"]+)"/g)].map(([, secret = ""]) => secret);
}

async function runKeys(args: readonly string[], workspace: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "keys", ...args],
    cwd: new URL("../", import.meta.url),
    env: { EDGEPASS_HOME: workspace, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, text: text.trimEnd() };
}
