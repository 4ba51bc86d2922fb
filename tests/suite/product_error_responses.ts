import assert from "node:assert/strict";
import { isProblemCode, type ProblemCode, problemCodes } from "@edgepass/shared/problem";
import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Environment, Sent } from "./product_environment.ts";

/** A refusal as a client receives it. */
export interface Refused {
  readonly headers: Headers;
  /** The body without its trace id. */
  readonly bytes: string;
  readonly details: readonly Json[];
}

/** What no response may contain: stack traces, queries, file paths, tokens, service addresses. */
const leaks =
  /\bat [\w.<>]+ \(|\.ts\b|node_modules|sqlite|\bselect\b.*\bfrom\b|D1_|eyJ[\w-]{10}|127\.0\.0\.1:/i;

/**
 * Asserts that a request is refused with a code: in the envelope, and once for each code and path
 * as problem details too (RFC 9457).
 */
export async function expectRefusal(
  environment: Pick<Environment, "send" | "seenAsProblem">,
  request: Sent,
  code: string,
  what: string,
): Promise<Refused> {
  assert.ok(isProblemCode(code));
  const about = `${what}: ${request.method ?? "GET"} ${request.path}`;
  const enveloped = await environment.send(request);
  const [status] = problemCodes[code];
  const { text, value } = await readRefusal(enveloped, status, about);
  const error = objectAt(value, "error");
  assert.deepEqual([value.success, error.code], [false, code], `${about}: ${text}`);
  assert.ok(typeof error.message === "string" && error.message !== "", about);
  assert.equal(mediaTypeOf(enveloped), "application/json", about);
  const members = [...Object.keys(value), ...Object.keys(error)];
  assert.deepEqual(members.filter((name) => !envelopeMembers.has(name)), [], about);
  await expectProblem(environment, request, code);
  return {
    headers: enveloped.headers,
    bytes: text.replace(String(value.traceId), "…"),
    details: Array.isArray(error.details) ? error.details.filter(isObject) : [],
  };
}

const envelopeMembers = new Set(["success", "error", "traceId", "code", "message", "details"]);

async function expectProblem(
  { send, seenAsProblem }: Pick<Environment, "send" | "seenAsProblem">,
  request: Sent,
  code: ProblemCode,
): Promise<void> {
  const about = `${code} ${request.method ?? "GET"} ${request.path}`;
  if (seenAsProblem.has(about)) return;
  seenAsProblem.add(about);
  const accept = { accept: "application/problem+json" };
  const response = await send({ ...request, headers: { ...request.headers, ...accept } });
  const [status, title] = problemCodes[code];
  const { value } = await readRefusal(response, status, about);
  assert.equal(mediaTypeOf(response), "application/problem+json", about);
  const members = [value.type, value.title, value.code, value.status];
  assert.deepEqual(members, [`urn:problem:${code}`, title, code, status], about);
}

async function readRefusal(
  response: Response,
  status: number,
  about: string,
): Promise<{ text: string; value: Json }> {
  const text = await response.text();
  assert.equal(response.status, status, `${about}: ${text}`);
  const value: unknown = JSON.parse(text);
  assert.ok(isObject(value), about);
  const { headers } = response;
  assert.equal(headers.get("cache-control"), "no-store", about);
  assert.match(String(value.traceId), /^[0-9a-f]{32}$/, about);
  assert.equal(headers.get("x-trace-id"), value.traceId, about);
  assert.doesNotMatch(text, leaks, about);
  if (status === 401) assert.equal(headers.get("www-authenticate"), "Bearer", about);
  if (status === 503 || status === 429) assert.ok(headers.has("retry-after"), about);
  return { text, value };
}

function mediaTypeOf(response: Response): string | undefined {
  return response.headers.get("content-type")?.split(";")[0];
}

/** Processes many items, a few at a time: more would overload the machine. */
export async function each<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
