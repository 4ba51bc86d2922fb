import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import {
  type Facts,
  type PolicyStep,
  policySteps,
  readRoles,
  readStatus,
  readText,
  readToken,
} from "./explain_facts.ts";
import { type Ansi, maxWidth, showDuration, showTime, wrap } from "../terminal/text.ts";

const labelWidth = 14;

/** What the gateway decided step by step, up to the one that refused. */
export function formatStory(facts: Facts, ansi: Ansi): string[] {
  const { refusal } = facts;
  const last = refusal?.step ? policySteps.indexOf(refusal.step) : policySteps.length - 1;
  return policySteps.slice(0, last + 1).flatMap((step) => {
    const isRefused = refusal?.step === step;
    const words = isRefused ? formatRefusal(facts, step) : formatters[step](facts);
    if (words === undefined) return [];
    const took = facts.tookMs.get(step);
    const text = took === undefined ? words : `${words} (${showDuration(took)})`;
    const mark = isRefused ? ansi("red", "x") : ansi("green", "+");
    return wrap(text, maxWidth - labelWidth - 4).map((line, at) =>
      at === 0
        ? `  ${mark} ${step.padEnd(labelWidth)}${line}`
        : `${" ".repeat(labelWidth + 4)}${line}`
    );
  });
}

/** A code and what it means. */
export function explainCode(code: string): string {
  return isProblemCode(code) ? `${code}: ${problemCodes[code][1]}` : code;
}

/** What to show for a step that was passed; undefined where there is nothing to show. */
const formatters: Readonly<Record<PolicyStep, (facts: Facts) => string | undefined>> = {
  target: ({ request, gateway }) => {
    const path = request?.path ?? readText(gateway, "url.path");
    return path === undefined || path === null
      ? undefined
      : `${request?.method ?? ""} ${path}`.trim();
  },
  route: ({ request, gateway }) => {
    const route = request?.route ?? readText(gateway, "http.route");
    if (!route) return "one of the gateway's own documents";
    const rule = readText(gateway, "edgepass.rule");
    return rule === undefined ? route : `${route}, access: ${rule}`;
  },
  credential: ({ gateway }) => {
    const rule = readText(gateway, "edgepass.rule");
    if (rule === "public") return "not read, because the route is public";
    return readText(gateway, "edgepass.credential");
  },
  verify: formatToken,
  revocation: (facts) => {
    const span = facts.steps.get("revocation");
    if (!span) return undefined;
    const outcome = readText(span, "edgepass.revocation.answer") ?? "clear";
    if (outcome === "revoked") {
      return `treated as anonymous, because it is ${outcome}${explainToken(facts)}`;
    }
    const mode = readText(span, "edgepass.revocation.mode");
    const by = ["edgepass.token.jti", "edgepass.token.sid", "edgepass.token.kid"]
      .flatMap((name) => readToken(facts, name) === undefined ? [] : [name.split(".").at(-1)]);
    const lookups = by.length === 0 ? "" : `; looked up by sub, ${by.join(", ")}`;
    return `${outcome}${mode === undefined ? "" : `, ${mode}`}${lookups}`;
  },
  authorize: (facts) => {
    const rule = readText(facts.gateway, "edgepass.rule");
    if (rule === undefined || rule === "public" || rule === "optional") return undefined;
    const has = rule.startsWith("roles:") ? `, has ${readRoles(facts).join(", ")}` : "";
    return `allowed by ${rule}${has}`;
  },
  body: () => undefined,
  sign: formatPassport,
  forward: ({ steps }) => {
    const span = steps.get("forward");
    if (!span) return undefined;
    const status = readStatus(span);
    const peer = readText(span, "edgepass.peer") ?? "the upstream";
    return status === undefined ? `to ${peer}` : `to ${peer}, which returned ${status}`;
  },
  envelope: ({ steps }) =>
    steps.has("envelope") ? "the response, wrapped in ApiResponse" : undefined,
};

/** On an optional route an unusable credential is none. */
function formatToken(facts: Facts): string | undefined {
  const { steps, request, tokenRefusal, refusal } = facts;
  const failed = readText(steps.get("verify"), "error.type");
  if (failed !== undefined) {
    return `treated as anonymous, because ${explainCode(failed)}${explainToken(facts)}`;
  }
  if (tokenRefusal && !refusal && !steps.has("revocation")) {
    return `treated as anonymous${explainToken(facts)}`;
  }
  const sub = request?.sub ?? readToken(facts, "user.id");
  if (!sub) return undefined;
  const issuer = request?.issuer ?? readToken(facts, "edgepass.issuer");
  const roles = readRoles(facts);
  const claims = [
    `sub ${sub}`,
    issuer ? `issuer ${issuer}` : undefined,
    roles.length > 0 ? `roles ${roles.join(", ")}` : undefined,
    ...["sid", "jti"].map((name) => {
      const value = readToken(facts, `edgepass.token.${name}`);
      return value === undefined ? undefined : `${name} ${value}`;
    }),
  ];
  const kid = readToken(facts, "edgepass.token.kid");
  const by = kid === undefined ? "" : `key ${kid}; `;
  return `${by}${claims.filter((claim) => claim !== undefined).join("; ")}`;
}

function formatPassport({ detail: { passport }, steps }: Facts): string | undefined {
  if (!passport) return steps.has("sign") ? "a Passport" : undefined;
  const { kid, claims: { iat, exp, ...claims } } = passport;
  const life = typeof iat === "number" && typeof exp === "number"
    ? [`life ${exp - iat} s from ${showTime(iat * 1000).slice(0, 8)}`]
    : [];
  const rest = Object.entries(claims).map(([name, value]) =>
    `${name} ${Array.isArray(value) ? `[${value.join(", ")}]` : value === "" ? '""' : value}`
  );
  return `Passport by key ${kid}; ${[...life, ...rest].join("; ")}`;
}

function formatRefusal(facts: Facts, step: PolicyStep): string {
  const { refusal, gateway, steps, request } = facts;
  const code = explainCode(refusal?.code ?? "");
  if (step === "authorize") {
    const roles = readRoles(facts);
    const has = roles.length === 0 ? "no role" : roles.join(", ");
    const rule = readText(gateway, "edgepass.rule") ?? "more";
    return `${code}; the route requires ${rule}, the token has ${has}. What to do: give the caller ` +
      "one of these roles; for another issuer's tokens deno task token shows where claims.roles of " +
      "its row looks for them.";
  }
  if (step === "target") return `${code}${request?.path ? `; ${request.path}` : ""}`;
  if (step === "forward") {
    const peer = readText(steps.get("forward"), "edgepass.peer");
    return peer === undefined ? code : `to ${peer}; ${code}`;
  }
  return `${code}${explainToken(facts)}`;
}

/** Why the token was refused and what to do, to be appended to the code. */
function explainToken({ tokenRefusal, request, gateway, steps, refusal }: Facts): string {
  const issuer = request?.issuer ?? readText(gateway, "edgepass.issuer");
  if (!tokenRefusal) {
    const failed = readText(steps.get("verify"), "error.type") ?? refusal?.code;
    if (failed !== "upstream_unavailable") return "";
    const whose = issuer ? `issuer ${issuer}` : "the token's issuer";
    return `; the keys of ${whose} could not be read, so its tokens get 503 and are not refused. ` +
      "What to do: deno task doctor says why.";
  }
  const { reason, meaning, remedy } = tokenRefusal;
  const from = issuer && issuer !== "user" ? ` (issuer ${issuer})` : "";
  // "Token has expired; expired" would say it twice.
  const why = reason === "expired" ? from : `; ${reason}${from}`;
  return `${why}. ${meaning}. What to do: ${remedy}.`;
}
