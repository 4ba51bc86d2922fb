import type { UserPassport } from "@edgepass/shared/http";
import type { Fallback, FallbackKey, FallbackResult } from "@edgepass/shared/resilience";
import type { Pseudonym } from "./pseudonym.ts";
import type { Recommend } from "./recommender.ts";
import { type Suggestion, Suggestions } from "./recommender_schema.ts";
import { maxItems, type Recommendation } from "./schema.ts";
import type { Catalogue, KnownCourse } from "./store.ts";

/** Who is asked for suggestions. */
export interface Recommender {
  readonly ask: Recommend;
  /** What it is told instead of who asks. */
  readonly pseudonym: Pseudonym;
}

/** What suggestions are made of. */
export interface RecommendationOptions {
  readonly catalogue: Catalogue;
  /** Without one there is the default alone. */
  readonly recommender?: Recommender | undefined;
  readonly fallback: Fallback;
  /** Length of a list that nobody asked a length of; read at each request. */
  readonly defaultLimit: () => number;
}

/** Suggestions, and where they come from. */
export type Recommended = FallbackResult<readonly Recommendation[]>;

/** The rules of suggestions. */
export type Recommendations = ReturnType<typeof createRecommendations>;

/** What a person's last good answer is kept under. */
export function keyOf(personId: string): FallbackKey {
  return { service: "recommendation", what: "courses", sub: personId };
}

/** Why a course is suggested when nobody knows better. */
const commonReason = "Many learn it";

/** Makes the rules of suggestions. */
export function createRecommendations(
  { catalogue, recommender, fallback, defaultLimit }: RecommendationOptions,
) {
  return {
    /** Suggests courses: as the recommender says, else as it last said to this person, else to all. */
    async suggest({ sub, userId }: UserPassport, limit = defaultLimit()): Promise<Recommended> {
      const { courses, isGone } = await catalogue.look(userId);
      const known = new Map(courses.map(({ id, title }) => [id, title]));
      const answered = recommender === undefined || isGone || known.size === 0
        ? { value: toCommon(courses), source: "default" as const }
        : await fallback.run({
          key: keyOf(userId),
          // The longest list, so that what is kept serves every length.
          live: async () =>
            await recommender.ask({
              person: await recommender.pseudonym(sub),
              known: [...known.keys()],
              limit: maxItems,
            }),
          fits: (kept) => stillThere(kept, known),
          otherwise: () => toCommon(courses),
        });
      const items = answered.value.slice(0, limit).map(({ courseId, reason }) => ({
        course: { id: courseId, title: known.get(courseId) ?? "" },
        reason,
      }));
      return { ...answered, value: items };
    },
  };
}

/** What is kept has ids alone: titles are today's, and courses that are gone fall out. */
function stillThere(
  kept: unknown,
  known: ReadonlyMap<string, string>,
): readonly Suggestion[] | undefined {
  const { data = [] } = Suggestions.safeParse(kept);
  const there = data.filter(({ courseId }) => known.has(courseId));
  return there.length > 0 ? there : undefined;
}

function toCommon(courses: readonly KnownCourse[]): readonly Suggestion[] {
  return courses.slice(0, maxItems).map(({ id }) => ({ courseId: id, reason: commonReason }));
}
