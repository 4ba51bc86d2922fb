import { Problem } from "@edgepass/shared/problem";
import type { Upstream } from "@edgepass/shared/upstream";
import { RecommenderAnswer, type Suggestion } from "./recommender_schema.ts";

/** What the recommender is asked; nothing in it says who the person is. */
export interface RecommenderQuestion {
  /** Always the same for one person, and of use to nobody else. */
  readonly person: string;
  /** Courses it may name, by id. */
  readonly known: readonly string[];
  readonly limit: number;
}

/** Asks for suggestions. @throws {Problem} where there is no answer, or none of use */
export type Recommend = (question: RecommenderQuestion) => Promise<readonly Suggestion[]>;

/** Three times what a hundred of the longest suggestions are. */
const maxResponseBytes = 131_072;

/** Asks a recommender: `POST /v1/recommendations`. Courses it was not told of are left out. */
export function createRecommend(recommender: Upstream): Recommend {
  return async function recommend(question) {
    // A Blob names its own media type, so that nothing else goes along.
    const body = new Blob([JSON.stringify(question)], { type: "application/json" });
    const response = await recommender.fetch("/v1/recommendations", { method: "POST", body });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw useless(new Error(`The recommender answered ${response.status}`));
    }
    const content: unknown = await response.json().catch(() => undefined);
    const { success, data, error } = RecommenderAnswer.safeParse(content);
    if (!success) throw useless(error);
    const known = new Set(question.known);
    const named = new Map(
      data.items.filter(({ courseId }) => known.has(courseId))
        .map((suggestion) => [suggestion.courseId, suggestion]),
    );
    if (named.size === 0 && data.items.length > 0) {
      throw useless(new Error("The recommender named unknown courses alone"));
    }
    return [...named.values()];
  };
}

/**
 * The same upstream, whose answers are there as a whole: one that is too long or never ends counts
 * as a failed call, wherever calls are limited and judged around this.
 */
export function buffered(upstream: Upstream): Upstream {
  return {
    name: upstream.name,
    async fetch(target, init) {
      const { body, status } = await upstream.fetch(target, init);
      if (status === 200) return new Response(await readAll(body));
      await body?.cancel();
      return new Response(null, { status });
    },
  };
}

async function readAll(body: ReadableStream<Uint8Array> | null): Promise<Blob> {
  const parts: BlobPart[] = [];
  let length = 0;
  // Leaving the loop cancels what was not read.
  for await (const part of body ?? []) {
    length += part.byteLength;
    if (length > maxResponseBytes) throw useless(new Error("The recommender's answer is too long"));
    parts.push(part.slice());
  }
  return new Blob(parts);
}

function useless(cause: unknown): Problem {
  return new Problem("upstream_bad_response", { cause });
}
