import * as z from "zod/mini";
import { clean, cut, maxWidth } from "../terminal/text.ts";
import type { Ansi } from "../terminal/ansi.ts";

/** A dead letter as the admin API lists it. */
export const DeadLetter = z.object({
  id: z.string(),
  eventId: z.nullable(z.string()),
  type: z.nullable(z.string()),
  subject: z.nullable(z.string()),
  failedAt: z.nullable(z.string()),
  attempts: z.nullable(z.number()),
  status: z.nullable(z.number()),
  poison: z.boolean(),
  reason: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** Two lines for each dead letter: which event it is, and why it is here. */
export function formatDeadLetters(
  service: string,
  letters: readonly DeadLetter[],
  ansi: Ansi,
): string[] {
  if (letters.length === 0) return [`${service}: none`];
  const count = `${letters.length} dead letter${letters.length === 1 ? "" : "s"}`;
  return [
    ansi("bold", `${service}: ${count}`),
    ...letters.flatMap((one) => formatDeadLetter(one, ansi)),
  ];
}

function formatDeadLetter(letter: DeadLetter, ansi: Ansi): string[] {
  const { id, type, subject, failedAt, attempts, status, poison, reason } = letter;
  const what = type === null ? "no event" : `${type} of ${subject}`;
  const when = failedAt === null ? "" : `, ${failedAt}`;
  const often = attempts === null ? "" : `, ${attempts} attempts`;
  const outcome = poison ? "poison" : status === null ? "no answer" : `answered ${status}`;
  return [
    `  ${ansi("cyan", clean(id))}  ${
      cut(clean(`${what}${when}${often}`), maxWidth - id.length - 4)
    }`,
    ansi(poison ? "red" : "yellow", cut(`    ${outcome}: ${clean(reason)}`, maxWidth)),
  ];
}
