import type { Bytes } from "../protocol.ts";
import { formatFloat } from "./arguments.ts";

export interface Ranked {
  readonly member: Bytes;
  readonly score: number;
}

/** Members by score, equal scores by the bytes of the member. */
export interface SortedSet {
  readonly size: number;
  /** All members in ascending order; the caller must not change it. */
  readonly ranking: readonly Ranked[];
  score(member: Bytes): number | undefined;
  set(member: Bytes, score: number): void;
  delete(member: Bytes): boolean;
  rank(member: Bytes): number | undefined;
}

/** Creates an empty sorted set: a map for lookups beside a sorted array for ranges. */
export function createSortedSet(): SortedSet {
  const scores = new Map<Bytes, number>();
  const ranking: Ranked[] = [];

  function position(member: Bytes, score: number): number {
    return lowerBound(ranking, (item) => isBefore(item, member, score));
  }
  function remove(member: Bytes): boolean {
    const score = scores.get(member);
    if (score === undefined) return false;
    ranking.splice(position(member, score), 1);
    return scores.delete(member);
  }
  return {
    get size() {
      return ranking.length;
    },
    ranking,
    score: (member) => scores.get(member),
    set(member, given) {
      const score = given === 0 ? 0 : given; // no -0: Redis's compact form has none either
      if (scores.get(member) === score) return;
      remove(member);
      ranking.splice(position(member, score), 0, { member, score });
      scores.set(member, score);
    },
    delete: remove,
    rank(member) {
      const score = scores.get(member);
      return score === undefined ? undefined : position(member, score);
    },
  };
}

/** Finds the first index whose item is not `before`; items must be partitioned by `before`. */
export function lowerBound(ranking: readonly Ranked[], before: (item: Ranked) => boolean): number {
  let low = 0;
  let high = ranking.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = ranking[middle];
    if (item !== undefined && before(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(item: Ranked, member: Bytes, score: number): boolean {
  return item.score < score || (item.score === score && item.member < member);
}

/** Members and scores in turns. */
export function withScores(items: readonly Ranked[]): Bytes[] {
  return items.flatMap(({ member, score }) => [member, formatFloat(score)]);
}
