import type { Upstream } from "@edgepass/shared/configuration";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import { RecommenderResponse, type Suggestion } from "./schema.ts";

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

/** Names a person to a third party. */
export type Pseudonym = (sub: string) => Promise<string>;

const utf8 = new TextEncoder();

/**
 * Creates pseudonyms for one recipient in one trust domain: HMAC-SHA-256 of the subject, by a key
 * that HKDF (RFC 5869) derives from `secret` for this purpose and this trust domain alone.
 *
 * A person has the same pseudonym as long as the secret stays. Without the secret a recipient
 * cannot identify the person, not even by trying every subject, and cannot link the person's
 * pseudonyms of two trust domains.
 */
export function createPseudonym(
  { secret, trustDomain }: {
    readonly secret: Uint8Array<ArrayBuffer>;
    readonly trustDomain: string;
  },
): Pseudonym {
  // Imported at the first request: on Workers nothing may be computed before.
  let key: Promise<CryptoKey> | undefined;
  return async function pseudonym(sub) {
    key ??= deriveKey(secret, trustDomain);
    return encodeBase64Url(
      new Uint8Array(await crypto.subtle.sign("HMAC", await key, utf8.encode(sub))),
    );
  };
}

async function deriveKey(
  secret: Uint8Array<ArrayBuffer>,
  trustDomain: string,
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = utf8.encode(`edgepass recommender pseudonym 1\0${trustDomain}`);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
}
