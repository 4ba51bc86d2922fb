import { useApp } from "../data/app_context.ts";
import { useNow } from "../data/hooks.ts";
import { toClaims, toLife } from "../logic/claims.ts";
import { toDuration } from "../logic/format.ts";
import type { RequestDetail } from "../api_types.ts";
import { Icon } from "./icons.tsx";
import { Service } from "./small.tsx";

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
