import { currentInvocation } from "@edgepass/shared/context";

/**
 * Which source of the client's address is trusted: the connection, or a header of a known proxy.
 */
export type ClientAddressSource =
  | { readonly kind: "peer" }
  | { readonly kind: "header"; readonly name: "cf-connecting-ip" }
  | { readonly kind: "forwarded"; readonly hops: number };

/**
 * The client's address, or undefined where the source has none.
 *
 * In `x-forwarded-for` only the entries that our own proxies wrote count: with `hops` proxies, the
 * address is the entry at that position from the right. A client can forge everything left of it.
 */
export function readClientAddress(
  headers: Headers,
  source: ClientAddressSource,
): string | undefined {
  if (source.kind === "peer") return currentInvocation()?.peerAddress;
  if (source.kind === "header") return readAddress(headers.get(source.name));
  const entries = (headers.get("x-forwarded-for") ?? "").split(",");
  return readAddress(entries.at(-source.hops)?.trim() ?? null);
}

function readAddress(text: string | null): string | undefined {
  return text !== null && /^[0-9A-Fa-f.:]{2,45}$/.test(text) ? text : undefined;
}
