import { ApiError } from "./api.ts";
import type { Publisher } from "./publisher.ts";
import type { Schedule } from "./resources.ts";
import type { Store } from "./store.ts";

/** When a schedule fires next; undefined when never. */
export function nextScheduleAt(cron: string, now: number): number | undefined {
  return readCron(cron)?.next(now);
}

/**
 * Publishes the messages of due schedules.
 *
 * Times that passed while no server ran are made up for by one message, not by one each. A schedule
 * whose URL group is gone misses its time and stays.
 */
export function fireSchedules(store: Store, publisher: Publisher, now: number): void {
  for (const schedule of store.schedules.due(now)) {
    store.atomically(() => {
      const lastIds = publishScheduled(schedule, publisher);
      const nextAt = nextScheduleAt(schedule.cron, now);
      store.schedules.put({ ...schedule, nextAt, lastAt: now, lastIds });
    });
  }
}

function publishScheduled(schedule: Schedule, publisher: Publisher): string[] {
  const { id, destination, delivery, body, queue, delayMs, callerIp } = schedule;
  try {
    const published = publisher.publish({
      destination,
      options: { delivery, delayMs, isContentDeduplicated: false },
      body,
      callerIp,
      queue,
      scheduleId: id,
    });
    return [published].flat().map(({ messageId }) => messageId);
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}

/** A parsed cron expression: the minutes of its time zone in which it fires. */
export interface Cron {
  /**
   * The first moment after `time` (epoch milliseconds); undefined when there is none within the
   * horizon.
   */
  next(time: number): number | undefined;
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** `*` or `*` with a step: such a day field does not widen the other one. */
  readonly open: boolean;
}

const ranges = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]] as const;
const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const weekdays = "sun mon tue wed thu fri sat".split(" ");
const shorthands: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** The 29th of February may be eight years away. */
const horizonMs = 9 * 366 * 24 * hourMs;

/** Reads five fields, a shorthand, and `CRON_TZ=<zone>` in front; undefined for any other text. */
export function readCron(text: string): Cron | undefined {
  const [, zone = "UTC", fields = ""] = /^(?:CRON_TZ=(\S+)\s+)?(.*)$/.exec(text.trim()) ?? [];
  const offset = readZone(zone);
  const words = (shorthands[fields.toLowerCase()] ?? fields).trim().split(/\s+/);
  if (offset === undefined || words.length !== ranges.length) return undefined;
  const [minute, hour, day, month, weekday] = words.map(readField);
  if (!minute || !hour || !day || !month || !weekday) return undefined;

  const isDay = (local: Date) => {
    const byDate = day.values.has(local.getUTCDate());
    const byWeekday = weekday.values.has(local.getUTCDay());
    return day.open || weekday.open ? byDate && byWeekday : byDate || byWeekday;
  };
  return {
    next(time) {
      let at = Math.floor(time / minuteMs) * minuteMs + minuteMs;
      const end = time + horizonMs;
      while (at < end) {
        const local = new Date(at + offset(at));
        const isHour = month.values.has(local.getUTCMonth() + 1) && isDay(local) &&
          hour.values.has(local.getUTCHours());
        if (isHour && minute.values.has(local.getUTCMinutes())) return at;
        // Never beyond the next local hour: a longer step could jump over a shifted one.
        at += isHour ? minuteMs : hourMs - (local.getTime() % hourMs);
      }
      return undefined;
    },
  };
}

function readField(text: string, index: number): Field | undefined {
  const [low, high] = ranges[index] ?? [0, 0];
  const names = index === 3 ? months : index === 4 ? weekdays : [];
  const base = index === 3 ? 1 : 0;
  const values = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const match = /^(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/.exec(part);
    if (!match) return undefined;
    const [, first = "", last, stepText] = match;
    const read = (word: string) =>
      names.includes(word) ? names.indexOf(word) + base : toNumber(word);
    const from = first === "*" ? low : read(first);
    const to = last !== undefined
      ? read(last)
      : first === "*" || stepText !== undefined
      ? high
      : from;
    const step = Number(stepText ?? 1);
    if (!(from >= low && to <= high && from <= to && step >= 1)) return undefined;
    if (first === "*" && last !== undefined) return undefined;
    for (let value = from; value <= to; value += step) values.add(value);
  }
  // Sunday has two numbers.
  if (index === 4 && values.has(7)) values.add(0);
  return { values, open: text.startsWith("*") };
}

function toNumber(word: string): number {
  return /^\d+$/.test(word) ? Number(word) : NaN;
}

/** The zone's offset from UTC at a moment, in milliseconds; undefined for an unknown zone. */
function readZone(zone: string): ((time: number) => number) | undefined {
  if (zone === "UTC") return () => 0;
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    return (time) => {
      const parts = Object.fromEntries(
        format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
      );
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
      const local = Date.UTC(year, month - 1, day, hour, minute, second);
      return local - Math.floor(time / 1_000) * 1_000;
    };
  } catch {
    return undefined;
  }
}
