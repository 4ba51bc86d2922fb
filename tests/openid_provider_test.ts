import assert from "node:assert/strict";
import { createEnvironment, type Environment } from "./suite/gateway_environment.ts";
import { platforms } from "./suite/gateway_platforms.ts";
import { createWorkerdPlatform } from "./suite/gateway_workerd.ts";
import { apiResource, startOpenIdProvider } from "./support/openid_provider.ts";
import { waitUntil } from "./support/wait.ts";

/** A gateway that knows of the provider its `iss` alone, and asks for the role `admin`. */
async function startGateway(environment: Environment, issuer: string) {
  const gateway = await environment.serve({
    ISSUERS: JSON.stringify([{
      alias: "local",
      iss: issuer,
      audience: apiResource,
      clients: { claim: "client_id", allow: ["web", "nightly"] },
      algorithms: ["RS256"],
    }]),
    PASSPORT_POLICY: "0.1.1",
  });
  return {
    /** The Passport's subject, or the reason that the log has for a refusal. */
    async ask(token: string): Promise<unknown> {
      const response = await fetch(`${gateway.origin}/admin`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const { traceId } = await response.json();
      if (response.status === 200) {
        return (await environment.passportOf(environment.echo.last().headers)).sub;
      }
      const find = () =>
        gateway.logLines.find((line) =>
          line.includes(traceId) && line.includes("Request completed")
        );
      await waitUntil("the line is written", () => find() !== undefined, 20_000);
      return JSON.parse(find() ?? "{}").tokenRefusal;
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

async function expectProvider(environment: Environment): Promise<void> {
  await using provider = await startOpenIdProvider();
  await using gateway = await startGateway(environment, provider.issuer);
  const { ask } = gateway;
  const { accessToken, idToken } = await provider.signIn("42");
  assert.equal(await ask(accessToken), "user:local:42", "authorization code with PKCE");
  assert.equal(await ask(await provider.clientToken()), "client:local:nightly");
  assert.equal(await ask(idToken), "audience", "the ID token has the roles, and is for the client");
  const other = await provider.signIn("42", "https://billing.example.com");
  assert.equal(await ask(other.accessToken), "audience", "an access token for another API");

  await provider.rotateKeys();
  const { accessToken: next } = await provider.signIn("43");
  await waitUntil("the new key is known", async () => await ask(next) === "user:local:43", 20_000);
  assert.equal(await ask(accessToken), "user:local:42", "the old key is published still");
}

const unsanitized = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "a real OpenID provider, known by its iss alone, on Deno",
  ...unsanitized,
  async fn() {
    await using environment = await createEnvironment("deno", platforms.deno);
    await expectProvider(environment);
  },
});

Deno.test({
  name: "a real OpenID provider, known by its iss alone, on workerd",
  ...unsanitized,
  async fn() {
    await using workerd = await createWorkerdPlatform();
    await using environment = await createEnvironment("workerd", workerd.serve);
    await expectProvider(environment);
  },
});
