/** When questions were last answered, for routes that let an answer count for a while. */
export interface FreshChecks {
  isFresh(question: string, boundedMs: number): boolean;
  forget(question: string): void;
  /** Remembers an answer, which is as old as its question. */
  keep(question: string, askedAt: number): void;
}

/** Answers kept for bounded routes. */
const maxAnswers = 10_000;

/** Makes the memory of answers; the oldest is forgotten when there are too many. */
export function createFreshChecks(now: () => number): FreshChecks {
  const answeredAt = new Map<string, number>();
  return {
    isFresh(question, boundedMs) {
      const age = now() - (answeredAt.get(question) ?? Number.NEGATIVE_INFINITY);
      return age >= 0 && age <= boundedMs;
    },
    forget: (question) => void answeredAt.delete(question),
    keep(question, askedAt) {
      const [oldest] = answeredAt.size >= maxAnswers ? answeredAt.keys() : [];
      if (oldest !== undefined) answeredAt.delete(oldest);
      answeredAt.delete(question);
      answeredAt.set(question, askedAt);
    },
  };
}
