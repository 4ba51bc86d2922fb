/** The ways in which dev runs the system. */
export const modes = {
  together: {
    words: "all in one process",
    redis: "redis/dev.aof",
    qstash: "qstash/dev.sqlite",
    seeded: "db/seeded",
  },
  apart: {
    words: "every service in a process of its own",
    redis: "redis/dev.aof",
    qstash: "qstash/dev.sqlite",
    seeded: "db/seeded",
  },
  // Its databases are separate, and so are its revocations and events.
  workers: {
    words: "in workerd",
    redis: "redis/workers.aof",
    qstash: "qstash/workers.sqlite",
    seeded: "workers/seeded",
  },
} as const;
export type Mode = keyof typeof modes;
