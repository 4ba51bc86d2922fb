import type { InspectedCheck, TokenInspection } from "@edgepass/gateway";
import { describeTokenRefusal } from "../page/logic/token_refusals.ts";
import { type Ansi, clean, cut, maxWidth, wrap } from "../terminal/text.ts";
import { type CheckOptions, describers, show, typeOf } from "./token_checks.ts";

/** What a report is made of besides the token, and its colours. */
export interface ReportOptions extends CheckOptions {
  readonly ansi: Ansi;
}

const marks = {
  passed: ["green", "✓"],
  failed: ["red", "✗"],
  "not reached": ["dim", "·"],
} as const;
const labelWidth = 12;

/** Every check with what it expects and what it sees, the token's parts, and the Passport. */
export function formatReport(inspection: TokenInspection, options: ReportOptions): string {
  const { ansi } = options;
  const { checks, header, claims } = inspection;
  const title = (text: string) => ["", ansi("bold", text)];
  return [
    ...checks.flatMap((check) => formatCheck(check, inspection, options)),
    ...(header ? [...title("Header"), ...formatMembers(header, openMembers, options)] : []),
    ...(claims ? [...title("Claims"), ...formatMembers(claims, openClaims, options)] : []),
    ...formatOutcome(inspection, options),
  ].join("\n");
}

function formatCheck(
  { check, state }: InspectedCheck,
  inspection: TokenInspection,
  options: ReportOptions,
): string[] {
  const [kind, name = ""] = split(check);
  // Without a row there is nothing that these checks expect.
  const isOpen = state === "not reached" && !inspection.issuer;
  const [expected, seen] = (isOpen ? undefined : describers[kind])?.(inspection, options, name) ??
    [];
  const [colour, mark] = marks[state];
  const label = cut(kind === "require" ? labelOf(name) : kind, labelWidth).padEnd(labelWidth);
  const text = [
    expected === undefined ? "not reached" : `expected ${expected}`,
    ...(seen ? [`seen ${seen}`] : []),
  ].join("; ");
  return wrap(text, maxWidth - labelWidth - 5).map((line, at) =>
    at === 0
      ? `  ${options.ansi(colour, mark)} ${label} ${line}`
      : `${" ".repeat(labelWidth + 5)}${line}`
  );
}

/** A claim that a row requires may have the name of a check, as `typ` has. */
function labelOf(claim: string): string {
  return Object.hasOwn(describers, claim) ? `claim ${claim}` : claim;
}

function split(check: string): [kind: string, name?: string] {
  return check.startsWith("require:") ? ["require", check.slice("require:".length)] : [check];
}

/** Members that say nothing of a person. */
const openMembers: ReadonlySet<string> = new Set(["alg", "typ", "kid", "cty"]);
const openClaims: ReadonlySet<string> = new Set(
  ("iss aud exp iat nbf auth_time azp client_id cid appid token_use typ ver scope scp amr acr gty tid " +
    "uv").split(" "),
);
function formatMembers(
  members: object,
  open: ReadonlySet<string>,
  { showsAll }: ReportOptions,
): string[] {
  return Object.entries(members).map(([name, value]) => {
    const shown = showsAll || open.has(name) ? show(value) : "(hidden)";
    const head = `  ${cut(clean(name), 30).padEnd(20)} ${typeOf(value).padEnd(14)} `;
    return `${head}${cut(shown, Math.max(20, maxWidth - head.length))}`;
  });
}

function formatPair(name: string, value: string): string[] {
  return wrap(value, maxWidth - 23).map((line, at) =>
    `  ${(at === 0 ? name : "").padEnd(20)} ${line}`
  );
}

function formatOutcome(
  { outcome, issuer, checks }: TokenInspection,
  { ansi, showsAll }: ReportOptions,
): string[] {
  const paragraph = (text: string) => ["", ...wrap(text, maxWidth)];
  if ("unavailable" in outcome) {
    return paragraph(
      `${ansi("red", "Not decided")}: the gateway responds 503 while the keys of ` +
        `${issuer?.alias ?? "our own issuer"} cannot be read. ${clean(outcome.unavailable)}.`,
    );
  }
  if ("reason" in outcome) {
    const failed = checks.find(({ state }) => state === "failed")?.check;
    // A scope or further claims may be too large before there is a Passport to measure.
    const isOfPassport = failed === "passport" || outcome.reason === "too_large";
    const fault = failed === "size" ? "token" : isOfPassport ? "passport" : undefined;
    const { meaning, remedy } = describeTokenRefusal(outcome.reason, fault);
    const isJwt = failed !== "structure";
    const verdict = isJwt ? `Refused: ${outcome.reason}` : `No signed JWT: ${outcome.reason}`;
    return [
      ...paragraph(`${ansi("red", verdict)}. The caller gets 401 ${outcome.code}.`),
      ...wrap(`${meaning}.`, maxWidth),
      ...wrap(`What to do: ${remedy}.`, maxWidth),
    ];
  }
  const { sub, roles, scope, tenant, ext } = outcome.identity;
  const isChecked = checks.find(({ check }) => check === "revocation")?.state === "passed";
  const extra = showsAll ? show(ext) : Object.keys(ext ?? {}).join(", ");
  const rows = { subject: sub, roles: roles.join(", "), scope, tenant, extra: ext && extra };
  return [
    "",
    ansi("bold", "Passport"),
    ...Object.entries(rows).flatMap(([name, value]) =>
      value === undefined ? [] : formatPair(name, clean(value) || "none")
    ),
    ...paragraph(`${ansi("green", "Accepted")}${isChecked ? "" : ", unless it is revoked"}.`),
  ];
}
