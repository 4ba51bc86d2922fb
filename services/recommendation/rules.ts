import type { UserPassport } from "@edgepass/shared/http";
import type { Fallback, FallbackKey, FallbackResult } from "@edgepass/shared/resilience";
import type { Pseudonym, Recommend } from "./recommender.ts";
import { maxItems, type Recommendation, type Suggestion, Suggestions } from "./schema.ts";
import type { Catalogue, KnownCourse } from "./store.ts";

/** The recommender that is called for suggestions. */
export interface Recommender {
  readonly ask: Recommend;
  /** The identifier it receives instead of the subject. */
  readonly pseudonym: Pseudonym;
}

/** Dependencies of suggestions. */
export interface RecommendationOptions {
  readonly catalogue: Catalogue;
  /** Without one there is only the default list. */
  readonly recommender?: Recommender | undefined;
  readonly fallback: Fallback;
  /** Length of a list when the request names none; read at each request. */
  readonly defaultLimit: () => number;
}

/** Suggestions, and where they come from. */
export type Recommended = FallbackResult<readonly Recommendation[]>;

/** The rules of suggestions. */
export type Recommendations = ReturnType<typeof createRecommendations>;

/** The key of a person's last good result. */
export function keyOf(personId: string): FallbackKey {
  return { service: "recommendation", what: "courses", sub: personId };
}

/** The reason of a suggestion from the default list. */
const commonReason = "Many learn it";

/** Creates the rules of suggestions. */
export function createRecommendations(
  { catalogue, recommender, fallback, defaultLimit }: RecommendationOptions,
) {
  return {
    /**
     * Suggests courses: from the recommender, else its last result for this person, else the
     * default list.
     */
    async suggest({ sub, userId }: UserPassport, limit = defaultLimit()): Promise<Recommended> {
      const { courses, isGone } = await catalogue.look(userId);
      const titles = new Map(courses.map(({ id, title }) => [id, title]));
      const result = recommender === undefined || isGone || titles.size === 0
        ? { value: toCommon(courses), source: "default" as const }
        : await fallback.run({
          key: keyOf(userId),
          // The longest list, so that the stored result serves every length.
          live: async () =>
            await recommender.ask({
              person: await recommender.pseudonym(sub),
              known: [...titles.keys()],
              limit: maxItems,
            }),
          fits: (stored) => dropDeleted(stored, titles),
          otherwise: () => toCommon(courses),
        });
      const items = result.value.slice(0, limit).map(({ courseId, reason }) => ({
        course: { id: courseId, title: titles.get(courseId) ?? "" },
        reason,
      }));
      return { ...result, value: items };
    },
  };
}

/** Stored results hold ids alone: titles are current, and deleted courses are dropped. */
function dropDeleted(
  stored: unknown,
  titles: ReadonlyMap<string, string>,
): readonly Suggestion[] | undefined {
  const { data = [] } = Suggestions.safeParse(stored);
  const current = data.filter(({ courseId }) => titles.has(courseId));
  return current.length > 0 ? current : undefined;
}

function toCommon(courses: readonly KnownCourse[]): readonly Suggestion[] {
  return courses.slice(0, maxItems).map(({ id }) => ({ courseId: id, reason: commonReason }));
}
