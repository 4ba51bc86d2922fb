import { Problem } from "@edgepass/shared/problem";
import type { Upstream } from "@edgepass/shared/configuration";
import { RecommenderResponse, type Suggestion } from "./recommender_schema.ts";

/** The request to the recommender; nothing in it identifies the person. */
export interface RecommenderRequest {
  /** The person's pseudonym: stable, and meaningless to other recipients. */
  readonly person: string;
  /** Ids of the courses that it may return. */
  readonly known: readonly string[];
  readonly limit: number;
}

/** Requests suggestions. @throws {Problem} when there is no response, or none of use */
export type Recommend = (request: RecommenderRequest) => Promise<readonly Suggestion[]>;

/** Three times the size of a hundred suggestions of maximum length. */
const maxResponseBytes = 131_072;

/**
 * Calls a recommender: `POST /v1/recommendations`. Courses that were not in the request are left
 * out.
 */
export function createRecommend(recommender: Upstream): Recommend {
  return async function recommend(request) {
    // A Blob sets its own media type, so that no other header is sent.
    const body = new Blob([JSON.stringify(request)], { type: "application/json" });
    const response = await recommender.fetch("/v1/recommendations", { method: "POST", body });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw useless(new Error(`The recommender returned ${response.status}`));
    }
    const content: unknown = await response.json().catch(() => undefined);
    const { success, data, error } = RecommenderResponse.safeParse(content);
    if (!success) throw useless(error);
    const knownIds = new Set(request.known);
    const named = new Map(
      data.items.filter(({ courseId }) => knownIds.has(courseId))
        .map((suggestion) => [suggestion.courseId, suggestion]),
    );
    if (named.size === 0 && data.items.length > 0) {
      throw useless(new Error("The recommender named unknown courses alone"));
    }
    return [...named.values()];
  };
}

/**
 * The same upstream with buffered responses: one that is too long or never ends counts as a failed
 * call in every limit and breaker around it.
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
  // Leaving the loop cancels the rest of the body.
  for await (const part of body ?? []) {
    length += part.byteLength;
    if (length > maxResponseBytes) {
      throw useless(new Error("The recommender's response is too long"));
    }
    parts.push(part.slice());
  }
  return new Blob(parts);
}

function useless(cause: unknown): Problem {
  return new Problem("upstream_bad_response", { cause });
}
