import assert from "node:assert/strict";
import type { DevSystem } from "./dev_system.ts";
import { isObject, type Json, objectAt } from "./json.ts";

/** Who every dev system knows. */
export const demoLearner = { email: "learner@edgepass.local", password: "learn-at-the-edge" };
export const demoInstructor = { email: "instructor@edgepass.local", password: "learn-at-the-edge" };

/** Logs in for a client without cookies and gives its access token. */
export async function logIn(
  system: Pick<DevSystem, "fetch">,
  person: { email: string; password: string },
): Promise<string> {
  const body = JSON.stringify({ grantType: "password", ...person });
  const answer = await expectSuccess(
    await system.fetch("/auth/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );
  assert.equal(typeof answer.accessToken, "string");
  return String(answer.accessToken);
}

/** What `/users/me` answers somebody: a status, and a name or an error code. */
export async function askWhoIAm(
  system: Pick<DevSystem, "fetch">,
  token: string,
): Promise<string> {
  const response = await system.fetch("/users/me", { headers: bearer(token) });
  const answer: unknown = await response.json();
  assert.ok(isObject(answer));
  const said = response.ok ? objectAt(answer, "data").name : objectAt(answer, "error").code;
  return `${response.status} ${said}`;
}

/** Headers of a client that shows a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** The data of a success in the envelope. */
export async function expectSuccess(response: Response): Promise<Json> {
  const answer: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.ok(isObject(answer));
  return objectAt(answer, "data");
}

/** A new person with these roles, whom the administrator of a dev system has given them. */
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
  const answer: unknown = await signUp.json();
  assert.ok(signUp.ok && isObject(answer), JSON.stringify(answer));
  await giveRoles(system, workspace, String(objectAt(answer, "data").id));
  return person;
}

/** Lets somebody teach. */
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
