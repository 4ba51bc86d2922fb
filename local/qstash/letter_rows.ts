import type { Delivery, Letter, Origin } from "./model.ts";
import { bytesOf, integerOf, integerOrNone, jsonOf, type Row, textOf, textOrNone } from "./sql.ts";

/** The columns that messages and dead letters share. */
export const letterColumns = "id, url, body, delivery, origin, queue, created_at, not_before";

/** The values of {@link letterColumns}. */
export function letterValues(letter: Letter) {
  return [
    letter.id,
    letter.url,
    letter.body,
    JSON.stringify(letter.delivery),
    JSON.stringify(letter.origin),
    letter.queue ?? null,
    letter.createdAt,
    letter.notBefore ?? null,
  ] as const;
}

/** The message in {@link letterColumns}. */
export function toLetter(row: Row): Letter {
  return {
    id: textOf(row, "id"),
    url: textOf(row, "url"),
    body: bytesOf(row, "body"),
    delivery: jsonOf<Delivery>(row, "delivery"),
    origin: jsonOf<Origin>(row, "origin"),
    queue: textOrNone(row, "queue"),
    createdAt: integerOf(row, "created_at"),
    notBefore: integerOrNone(row, "not_before"),
  };
}
