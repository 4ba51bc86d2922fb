/** The ways in which dev runs the system. */
export const modes = {
  together: { words: "all in one process", redis: "redis/dev.aof", seeded: "db/seeded" },
  apart: {
    words: "every service in a process of its own",
    redis: "redis/dev.aof",
    seeded: "db/seeded",
  },
  // Its databases are others, and so is the revocation list that is refilled from them.
  workers: { words: "in workerd", redis: "redis/workers.aof", seeded: "workers/seeded" },
} as const;
export type Mode = keyof typeof modes;
