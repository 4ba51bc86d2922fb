import {
  type ConfiguredKeyState,
  findStateChange,
  type KeyKind,
} from "@edgepass/shared/configuration";
import * as z from "zod/mini";

/** Calls the public API as the administrator. */
export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** The keys of a running system. */
export interface KeySystem {
  readonly call: Call;
  /** The `kid`s of `/.well-known/jwks.json`. */
  readonly publicKids: () => Promise<readonly string[]>;
  /** The `kid` of an access token that is issued now. */
  readonly freshKid: () => Promise<string>;
  /** Adds a new key to the files from which the system reads keys, where there are any. */
  readonly updateFile: Readonly<Partial<Record<KeyKind, UpdateKeyFile>>>;
  /** By how many seconds its clocks may differ. */
  readonly leewaySeconds: number;
}

/**
 * Adds a next key to the file, if it has none, and sets its states to the current ones; returns its
 * `kid`.
 */
export type UpdateKeyFile = (
  states: Readonly<Record<string, ConfiguredKeyState>>,
) => Promise<{ readonly kid: string; readonly path: string }>;

/** Effects of the command. */
export interface Effects {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Reports progress. */
  readonly report: (line: string) => void;
}

/** Why a command does nothing, and what to do instead. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Another administrator changed the configuration between the read and the write. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
}

/** A key, whatever its source. */
export interface KeyView {
  readonly kid: string;
  /** Of keys that sign Passports, where the gateway has them. */
  readonly profile: "S" | "A" | undefined;
  readonly state: ConfiguredKeyState;
  /** The source of its state: the secret itself, or the central configuration. */
  readonly from: "own" | "central";
  /** Whether it could sign: its key material is present. */
  readonly hasMaterial: boolean;
  /** By which services verify its signatures, if it is of profile A. */
  readonly publicKey?: PublicKey | undefined;
}

/** The keys of a kind at one version of the central configuration. */
export interface KeyRings {
  readonly kind: KeyKind;
  readonly version: number;
  readonly document: Document;
  readonly keys: readonly KeyView[];
}

type Document = z.output<typeof Document>;

const PublicKey = z.looseObject({ kid: z.string() });
type PublicKey = z.output<typeof PublicKey>;
const State = z.enum(["published", "signing", "retired", "revoked"]);
const States = z.record(z.string(), State);
const Document = z.looseObject({
  keys: z.optional(z.looseObject({
    access: z.optional(States),
    passport: z.optional(States),
    passportPublic: z.optional(z.array(PublicKey)),
  })),
});
const Configuration = z.object({ version: z.number(), document: Document });
const Change = z.object({
  version: z.number(),
  changedAt: z.string(),
  changed: z.array(z.string()),
});
const History = z.object({ items: z.array(Change), nextCursor: z.nullable(z.string()) });
const Report = z.object({
  keys: z.array(z.object({
    kid: z.string(),
    profile: z.enum(["S", "A"]),
    state: State,
    from: z.enum(["own", "central"]),
    publicKey: z.optional(PublicKey),
  })),
});

const api = "/admin/configuration";

/** Reads the state of every key of a kind. */
export async function readKeyRings(system: KeySystem, kind: KeyKind): Promise<KeyRings> {
  const { version, document } = z.parse(Configuration, await system.call("GET", api));
  const states = document.keys?.[kind] ?? {};
  const present = kind === "access"
    ? await readAccessKeys(system, states)
    : z.parse(Report, await system.call("GET", "/admin/keys")).keys
      .map((key): KeyView => ({ ...key, hasMaterial: true }));
  const presentKids = new Set(present.map(({ kid }) => kid));
  const others = Object.entries(states).filter(([kid]) => !presentKids.has(kid))
    .map(([kid, state]): KeyView => ({
      kid,
      profile: undefined,
      state,
      from: "central",
      hasMaterial: false,
    }));
  return { kind, version, document, keys: [...present, ...others] };
}

/** A set of public keys has no states: the signing key is found by a token it signed. */
async function readAccessKeys(
  { publicKids, freshKid }: KeySystem,
  states: Readonly<Record<string, ConfiguredKeyState>>,
): Promise<KeyView[]> {
  const [kids, signing] = [await publicKids(), await freshKid()];
  return kids.map((kid) => {
    const isCentral = Object.hasOwn(states, kid);
    const own = kid === signing ? "signing" : "published";
    const state = (isCentral ? states[kid] : undefined) ?? own;
    return {
      kid,
      profile: undefined,
      state,
      from: isCentral ? "central" : "own",
      hasMaterial: true,
    };
  });
}

/** Since when a key is in its state by the central configuration: a version, and epoch milliseconds. */
export async function readSince(
  { call }: KeySystem,
  kind: KeyKind,
  kid: string,
): Promise<{ readonly version: number; readonly at: number } | undefined> {
  for (let cursor: string | null = ""; cursor !== null;) {
    const query = new URLSearchParams({ limit: "100", ...(cursor === "" ? {} : { cursor }) });
    const page: z.output<typeof History> = z.parse(
      History,
      await call("GET", `${api}/history?${query}`),
    );
    const found = findStateChange(page.items, kind, kid);
    if (found) return { version: found.version, at: Date.parse(found.changedAt) };
    cursor = page.nextCursor;
  }
  return undefined;
}

/**
 * Changes the states of keys, all in one version, unless the configuration was changed since. The
 * public half of a `next` key of profile A reaches services in the same version.
 *
 * @throws {ConflictError} when it was changed
 * @throws {Refusal} when no service could verify what the next key signs
 */
export async function writeKeyStates(
  { call }: KeySystem,
  { kind, version, document }: KeyRings,
  states: Readonly<Record<string, ConfiguredKeyState>>,
  { comment, next }: { readonly comment: string; readonly next?: KeyView | undefined },
): Promise<number> {
  const { keys = {} } = document;
  const changed = { ...keys, [kind]: { ...keys[kind], ...states } };
  const passportPublic = next && withPublicHalf(document, next);
  const changedDocument = {
    ...document,
    keys: passportPublic ? { ...changed, passportPublic } : changed,
  };
  const body = { document: changedDocument, ifVersion: version, comment };
  try {
    return z.parse(Configuration, await call("PUT", api, body)).version;
  } catch (error) {
    const isLate = error instanceof Error && "code" in error && error.code === "conflict";
    throw isLate ? new ConflictError() : error;
  }
}

/** Whether services can verify what a key signs. */
export function isVerifiable({ document }: KeyRings, { kid, profile }: KeyView): boolean {
  return profile !== "A" || publicHalves(document).some((key) => key.kid === kid);
}

/** Services find the public half of a key of profile A in the configuration, and nowhere else. */
function withPublicHalf(document: Document, { kid, profile, publicKey }: KeyView) {
  const present = publicHalves(document);
  if (profile !== "A" || present.some((key) => key.kid === kid)) return undefined;
  if (publicKey) {
    // Revoked keys verify nothing any more, and the list has room for only a few.
    const states = document.keys?.passport ?? {};
    return [...present.filter((key) => states[key.kid] !== "revoked"), publicKey];
  }
  throw new Refusal(
    `Services could not verify what ${kid} signs: add its public half to keys.passportPublic first`,
  );
}

function publicHalves({ keys }: Document): readonly PublicKey[] {
  return keys?.passportPublic ?? [];
}

/** The current states of a kind, by `kid`. */
export function statesOf({ keys }: KeyRings): Readonly<Record<string, ConfiguredKeyState>> {
  return Object.fromEntries(keys.map(({ kid, state }) => [kid, state]));
}
