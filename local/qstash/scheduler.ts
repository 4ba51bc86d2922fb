import { ApiError } from "./api_error.ts";
import { readCron } from "./cron.ts";
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
