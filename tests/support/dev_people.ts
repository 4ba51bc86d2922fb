import assert from "node:assert/strict";
import type { DevSystem } from "./dev_system.ts";
import { isObject, type Json, objectAt } from "./json.ts";

/** The account that every dev system has. */
export const demoLearner = { email: "learner@edgepass.local", password: "learn-at-the-edge" };
export const demoInstructor = { email: "instructor@edgepass.local", password: "learn-at-the-edge" };

/** Logs in as a client without cookies and returns the access token. */
export async function logIn(
  system: Pick<DevSystem, "fetch">,
  person: { email: string; password: string },
): Promise<string> {
  const body = JSON.stringify({ grantType: "password", ...person });
  const envelope = await expectSuccess(
    await system.fetch("/auth/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );
  assert.equal(typeof envelope.accessToken, "string");
  return String(envelope.accessToken);
}

/** The response of `/users/me`: its status, and a name or a problem code. */
export async function askWhoIAm(
  system: Pick<DevSystem, "fetch">,
  token: string,
): Promise<string> {
  const response = await system.fetch("/users/me", { headers: bearer(token) });
  const envelope: unknown = await response.json();
  assert.ok(isObject(envelope));
  const shown = response.ok ? objectAt(envelope, "data").name : objectAt(envelope, "error").code;
  return `${response.status} ${shown}`;
}

/** Headers of a client that presents a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** The data of a success in the envelope. */
export async function expectSuccess(response: Response): Promise<Json> {
  const envelope: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(envelope));
  assert.ok(isObject(envelope));
  return objectAt(envelope, "data");
}

/** A new user with these roles, granted by the administrator of a dev system. */
export async function newTeacher(
  system: Pick<DevSystem, "fetch">,
  workspace: string,
): Promise<{ email: string; password: string }> {
  const person = { email: `teacher-${crypto.randomUUID()}@example.test`, password: "knows-a-lot" };
  const json = { "content-type": "application/json" };
  const signUp = await system.fetch("/auth/signup", {
    method: "POST",
    headers: json,
    body: JSON.stringify({ ...person, name: "Demo Teacher" }),
  });
  const envelope: unknown = await signUp.json();
  assert.ok(signUp.ok && isObject(envelope), JSON.stringify(envelope));
  await giveRoles(system, workspace, String(objectAt(envelope, "data").id));
  return person;
}

/** Grants roles to an account. */
export async function giveRoles(
  system: Pick<DevSystem, "fetch">,
  workspace: string,
  id: string,
): Promise<void> {
  const text = await Deno.readTextFile(`${workspace}/dev.env`);
  const read = (name: string) => new RegExp(`^${name}='(.+)'$`, "m").exec(text)?.[1] ?? "";
  const admin = { email: read("ADMIN_EMAIL"), password: read("ADMIN_PASSWORD") };
  const token = await logIn(system, admin);
  const response = await system.fetch(`/auth/accounts/${id}/roles`, {
    method: "PUT",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: JSON.stringify({ roles: ["learner", "instructor"] }),
  });
  assert.equal(response.status, 200, await response.text());
}
