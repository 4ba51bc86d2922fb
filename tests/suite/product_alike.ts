import { isObject } from "../support/json.ts";
import { unknownId } from "./product_operations.ts";
import { type Environment, password, type Sent } from "./product_environment.ts";

/** Headers that clients act on; others may differ with the front server. */
const headersThatMatter = [
  "allow",
  "access-control-allow-origin",
  "cache-control",
  "content-security-policy",
  "content-type",
  "etag",
  "location",
  "retry-after",
  "set-cookie",
  "vary",
  "www-authenticate",
  "x-content-type-options",
  "x-fallback",
] as const;

/** What one user after the other requests, valid and invalid. */
function requests({ teacher, learner, admin, ids }: Environment): readonly Sent[] {
  const [email, bearer] = [learner.email, learner.token];
  const course = { title: "Wind", summary: "Where it comes from", tags: ["sea"] };
  const problem = { accept: "application/problem+json" };
  return [
    { path: "/livez" },
    { path: "/readyz" },
    { path: "/openapi.json" },
    { path: "/docs" },
    { path: "/docs/start.js" },
    { path: "/docs/swagger-ui.css" },
    { path: "/docs/nothing.js" },
    { path: "/swagger-ui.css" },
    { path: "/.well-known/jwks.json" },
    { path: "/" },
    { path: "/nothing" },
    { path: "/nothing", headers: problem },
    { path: "/users/me" },
    { path: "/users/me", headers: problem },
    { path: "/users/me", bearer: "garbage" },
    { path: "/users/me", bearer },
    { method: "HEAD", path: "/users/me", bearer },
    { path: `/users/${teacher.id}`, bearer },
    { method: "PATCH", path: "/users/me", bearer, body: { headline: "Learns to sail" } },
    { method: "PATCH", path: "/users/me", bearer, body: { headline: 1, id: unknownId } },
    { method: "PATCH", path: "/users/me", bearer, body: "{" },
    { method: "PUT", path: "/users/me", bearer, body: {} },
    { method: "OPTIONS", path: "/users/me" },
    { path: "/courses?limit=1" },
    { path: "/courses?limit=0" },
    { path: `/courses/${ids.course}` },
    { path: `/courses/${ids.draft}` },
    { path: `/courses/${unknownId}/`, bearer },
    { path: "/courses/%C3%BC" },
    { path: "/courses/%zz" },
    { path: `/courses?q=${"x".repeat(9000)}` },
    { method: "POST", path: "/courses", bearer: teacher.token, body: course },
    { method: "POST", path: "/courses", bearer, body: course },
    { method: "POST", path: "/courses", body: course, headers: { origin: "https://evil.example" } },
    { method: "POST", path: "/enrollments", bearer, body: { courseId: ids.course } },
    { method: "POST", path: "/enrollments", bearer, body: { courseId: unknownId } },
    { path: "/enrollments", bearer },
    { path: `/enrollments/${ids.enrollment}`, bearer },
    { path: `/enrollments/${ids.enrollment}`, bearer: teacher.token },
    {
      method: "PUT",
      path: `/enrollments/${ids.enrollment}/lessons/${ids.lesson}`,
      bearer,
      body: { completed: true },
    },
    { path: "/recommendations", bearer },
    { path: "/recommendations?limit=0", bearer },
    { path: "/recommendations" },
    { method: "POST", path: "/recommendations", bearer, body: {} },
    { path: "/auth/accounts?limit=1", bearer: admin.token },
    { path: "/auth/accounts", bearer },
    { path: "/auth/sessions", bearer },
    { method: "POST", path: "/auth/signup", body: { email, password, name: "Again" } },
    { method: "POST", path: "/auth/login", body: { email, password } },
    { method: "POST", path: "/auth/login", body: { email, password: "not the right sentence" } },
    { method: "POST", path: "/auth/refresh" },
    { method: "POST", path: "/auth/refresh", cookie: "refresh_token=garbage" },
    { method: "POST", path: "/auth/logout" },
    { path: "/users/me", headers: { "x-large": "x".repeat(16_384) } },
    { path: "/users/me", bearer, cookie: `access_token=${bearer}` },
  ];
}

/** Each response as one text, without the parts that differ every time. */
export async function comparableResponses(environment: Environment): Promise<string[]> {
  const responses: string[] = [];
  for (const request of requests(environment)) {
    const response = await environment.send(request);
    const headers = headersThatMatter.flatMap((name) =>
      response.headers.has(name) ? [`${name}: ${response.headers.get(name)}`] : []
    );
    const parts = [`${request.method ?? "GET"} ${request.path.slice(0, 200)}`, response.status];
    const text = [...parts, ...headers, sorted(await response.text())].join("\n");
    responses.push(normalise(text));
  }
  return responses;
}

/** JSON with sorted members, because SQL adapters may list columns in another order. */
function sorted(text: string): string {
  try {
    return JSON.stringify(
      JSON.parse(text),
      (_key, value) =>
        isObject(value)
          ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1))
          : value,
      1,
    );
  } catch {
    return text.length > 10_000 ? `${text.length} characters` : text;
  }
}

function normalise(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<id>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/\b[0-9a-f]{32}\b/g, "<trace>")
    .replaceAll(/(_token=)[\w.-]+/g, "$1<token>")
    .replaceAll(/Max-Age=\d{2,}/g, "Max-Age=<life>")
    .replaceAll(/(etag: (?:W\/)?)"[^"]+"/g, '$1"<tag>"')
    .replaceAll(/"(x|nextCursor)": "[^"]+"/g, `"$1": "<value>"`);
}
