import { useApp } from "../data/app.ts";
import { useNow } from "../data/hooks.ts";
import { type Decision, toClaims, toLife } from "../logic/decision.ts";
import { toDuration } from "../logic/format.ts";
import type { TokenRefusal } from "../logic/token_refusals.ts";
import type { RequestDetail } from "../api_types.ts";
import { Icon, Service } from "./small.tsx";

/** The Passport that was sent, as its claims; its signature is stored nowhere. */
export function Passport({ passport, verdicts, start }: {
  passport: NonNullable<RequestDetail["passport"]>;
  verdicts: RequestDetail["verdicts"];
  start: number;
}) {
  const { now } = useApp();
  const { exp } = passport.claims;
  const isAlive = typeof exp === "number" && exp * 1000 > now();
  const time = useNow(isAlive ? 1000 : 60_000);
  return (
    <div class="passport">
      <p class="life">
        {toLife(passport.claims, time)}
        {passport.kid ? <span class="muted">· key {passport.kid}</span> : null}
      </p>
      <table class="claims">
        <thead class="unseen">
          <tr>
            <th scope="col">Claim</th>
            <th scope="col">Value</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {toClaims(passport.claims, time).map(({ name, value, meaning }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>{value}</td>
              <td class="muted">{meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Verdicts verdicts={verdicts} start={start} />
    </div>
  );
}

function Verdicts({ verdicts, start }: { verdicts: RequestDetail["verdicts"]; start: number }) {
  if (verdicts.length === 0) return <p class="muted">No service received it.</p>;
  return (
    <ul class="verdicts" aria-label="How each service verified it">
      {verdicts.map(({ service, verdict, time }) => (
        <li key={`${service} ${time}`}>
          <Icon name={verdict === "accepted" ? "ok" : "bad"} />
          <Service name={service} />
          <span class={verdict === "accepted" ? "" : "bad"}>{verdict}</span>
          <span class="muted">+{toDuration(Math.max(time - start, 0))}</span>
        </li>
      ))}
    </ul>
  );
}

/** Why the gateway refused the token; the caller was told the code alone. */
export function RefusedToken({ refusal: { reason, meaning, remedy }, isAnonymous }: {
  refusal: TokenRefusal;
  /** The route is optional, and the caller counted as anonymous. */
  isAnonymous: boolean;
}) {
  return (
    <dl class="token-refusal">
      <dt>Reason</dt>
      <dd>
        <code>{reason}</code>
      </dd>
      <dt>What it means</dt>
      <dd>{meaning}.</dd>
      <dt>What to do</dt>
      <dd>{remedy}.</dd>
      {isAnonymous && (
        <>
          <dt>And then</dt>
          <dd>The route is open to anyone: the caller counted as anonymous.</dd>
        </>
      )}
    </dl>
  );
}

/** What the gateway decided, step by step; a step with a span links to it. */
export function Decisions({ decisions, select }: {
  decisions: readonly Decision[];
  select: (spanId: string) => void;
}) {
  return (
    <ol class="decisions">
      {decisions.map(({ name, text, isRefusal, durationMs, spanId }) => (
        <li key={name + (spanId ?? "")} class={isRefusal ? "is-refusal" : ""}>
          <Icon name={isRefusal ? "bad" : "ok"} />
          {spanId
            ? (
              <button
                type="button"
                class="link"
                onClick={() => select(spanId)}
              >
                {name}
              </button>
            )
            : <span class="decision-name">{name}</span>}
          <span class="decision-text">{text}</span>
          <span class="decision-took">
            {durationMs === undefined ? "" : toDuration(durationMs)}
          </span>
        </li>
      ))}
    </ol>
  );
}
