import { defineService, type EventTypes } from "@edgepass/contracts";
import { createConfigurationSchema, serviceSettings } from "@edgepass/contracts/configuration";
import { createControl } from "@edgepass/control";
import { ConfigError, readOwn } from "@edgepass/shared/configuration";
import { countOutcomes } from "@edgepass/shared/context";
import { requireDistinctSecrets } from "@edgepass/shared/crypto";
import type { Service, ServiceContext, ServiceParts } from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/sql";
import { cookieNames } from "@edgepass/shared/tokens";
import { type Accounts, createAccounts } from "./accounts.ts";
import { createAdministration } from "./administration.ts";
import { createChangePassword } from "./change_password.ts";
import { createGrantIssuer } from "./grants.ts";
import {
  type AccessTokenKeyRing,
  type AccessTokenKeys,
  canSignBy,
  chooseAccessTokenKeys,
  createAccessTokenKeyRing,
  type ImportedKeys,
} from "./keys.ts";
import { createLoginThrottle } from "./login_throttle.ts";
import { createLogins } from "./logins.ts";
import type { AuthOptions } from "./options.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/hasher.ts";
import { accountReconciliation } from "./reconciliation.ts";
import { createRefresh } from "./refresh.ts";
import { importRefreshTokenKey } from "./refresh_tokens.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { internalRoutes } from "./routes/internal.ts";
import { jwksPath, keyRoutes } from "./routes/keys.ts";
import { loginRoutes } from "./routes/logins.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { type AuthSettings, authSettings } from "./settings.ts";
import { createSignIn } from "./sign_in.ts";
import { sqlAuthStore } from "./store/mod.ts";

const dayMs = 86_400_000;
const networkDays = 180;
const endedLoginDays = 1;

type Context = ServiceContext<EventTypes, "auth", never, typeof authSettings>;

/**
 * Declares the identity provider: accounts, logins, access tokens, refresh rotation, keys; the
 * control plane is in its database.
 *
 * At the start it checks the keys, creates the first administrator and rebuilds an incomplete
 * revocation list in Redis. Its maintenance repeats revocations that Redis missed, rebuilds the list
 * after Redis was restored to an older state, and deletes expired rows.
 */
export function defineAuth(effects: { readonly passwords?: PasswordHasher } = {}): Service {
  return defineService({
    name: "auth",
    description: "Accounts, logins, access tokens and their public keys",
    exports: "Account, logins, changes of the account",
    maintenance:
      "Writes revocations again that Redis missed, publishes events that a crash left, and deletes expired rows.",
    settings: authSettings,
    create(context): ServiceParts<EventTypes, "auth"> {
      const { passwords = createPasswordHasher({ processors: context.processors }) } = effects;
      requireOwnSecrets(context.settings);
      return createParts(context, passwords);
    },
  });
}

export default defineAuth();

function createParts(
  context: Context,
  passwords: PasswordHasher,
): ServiceParts<EventTypes, "auth"> {
  const { settings, sql, outbox, now, log, configuration } = context;
  const store = sqlAuthStore(sql, outbox);
  const { keys, ring, reload } = openKeys(context);
  const control = createControl({
    sql,
    upstash: { url: settings.UPSTASH_REDIS_REST_URL, token: settings.UPSTASH_REDIS_REST_TOKEN },
    schema: createConfigurationSchema(settings.ROUTES),
    keys: { canSignAccess: (states) => canSignBy(ring, states), passport: settings.PASSPORT_KEYS },
    observeVersion: configuration.observeVersion,
    actorId: "svc:auth",
    leewaySeconds: settings.LEEWAY_SECONDS,
    log,
    now,
  });
  const options = createOptions(context, {
    passwords,
    store,
    keys,
    revocations: control.revocations,
  });
  const accounts = createAccounts(options);
  const ensureAdministrator = once(accounts, administratorOf(settings));
  return {
    routes: {
      "/": [
        ...createRoutes(context, options, { accounts, ensureAdministrator }),
        keyRoutes(keys),
        ...control.routes,
      ],
    },
    ready: { keys: async () => void await keys(), store: control.checkStore },
    open: [jwksPath],
    readExport: (personId) => store.readExport(personId),
    reconciliation: accountReconciliation((id) => accounts.close(id)),
    // Only their import shows whether the halves of a key belong together.
    checkSettings: async () => void await keys(),
    async start() {
      await keys();
      await ensureAdministrator();
      await control.start();
      await configuration.ensureLoaded();
    },
    async maintain() {
      await reload();
      await control.maintain();
      await store.logins.deleteExpired({
        now: now(),
        networksBefore: now() - networkDays * dayMs,
        endedBefore: now() - endedLoginDays * dayMs,
      });
    },
    maintainUrgent: control.maintainUrgent,
  };
}

/** The access-token keys, reloaded where the configuration names one that is not in the ring yet. */
function openKeys({ settings, configuration, log }: Context) {
  const ring = createAccessTokenKeyRing(
    settings.ACCESS_TOKEN_KEYS,
    settings.ACCESS_TOKEN_KEYS_RELOAD,
  );
  const reload = () =>
    ring.reload().catch(() => log.error("Access token keys could not be reloaded"));
  configuration.prepare(({ keys: { access = {} } }) => {
    const configuredKids = new Set(ring.entries().keys.map(({ kid }) => kid));
    return Object.keys(access).every((kid) => configuredKids.has(kid)) ? undefined : reload();
  });
  // Checked for each version too: a version by which no key signs must not take effect.
  configuration.select(({ keys }) => void chooseAccessTokenKeys(ring.entries(), keys.access));
  async function keys(): Promise<AccessTokenKeys> {
    const imported = await importKeys(ring);
    const { keys: { access } } = configuration.current().values;
    return chooseAccessTokenKeys(ring.entries(), access)(imported);
  }
  return { ring, reload, keys };
}

/** What the rules of accounts and logins have in common. */
function createOptions(
  { settings, configuration, log, now }: Context,
  deps: Pick<AuthOptions, "passwords" | "store" | "revocations"> & {
    readonly keys: () => Promise<AccessTokenKeys>;
  },
): AuthOptions {
  const refreshTokenKey = lazily(() => importRefreshTokenKey(settings.REFRESH_TOKEN_KEY));
  const lifetimes = configuration.select(({ own }) =>
    readOwn(serviceSettings.auth, own, {
      accessTokenTtlSeconds: settings.ACCESS_TOKEN_TTL_SECONDS,
      refreshTokenTtlSeconds: settings.REFRESH_TOKEN_TTL_SECONDS,
    })
  );
  const tokens = {
    ...deps,
    refreshTokenKey,
    lifetimes,
    issuer: settings.ISSUER ?? settings.PUBLIC_ORIGIN,
    audience: settings.AUDIENCE ?? settings.PUBLIC_ORIGIN,
    sessionMaxSeconds: settings.SESSION_MAX_SECONDS,
    now,
  };
  return {
    ...tokens,
    loginThrottle: createLoginThrottle({ store: deps.store.loginAttempts, now }),
    issueGrant: createGrantIssuer(tokens),
    log,
    newId: () => uuidv7(now()),
  };
}

function createRoutes(
  { settings }: Context,
  options: AuthOptions,
  { accounts, ensureAdministrator }: {
    readonly accounts: Accounts;
    readonly ensureAdministrator: () => Promise<void>;
  },
) {
  const names = cookieNames(settings.PUBLIC_ORIGIN);
  const logins = createLogins(options);
  const signIn = countOutcomes("edgepass.auth.sign_ins", createSignIn(options));
  const refreshTokens = countOutcomes("edgepass.auth.refreshes", createRefresh(options));
  const changePassword = createChangePassword(options, refreshTokens);
  return [
    accountRoutes({ accounts, administration: createAdministration(options), ensureAdministrator }),
    loginRoutes({ signIn, refreshTokens, logins, names, ensureAdministrator }),
    sessionRoutes({ logins, changePassword, names }),
    internalRoutes(accounts),
  ];
}

/** Stores only that it is done: on Workers a request must not wait for another request's work. */
function once(
  accounts: Accounts,
  administrator: { readonly email: string; readonly password: string } | undefined,
): () => Promise<void> {
  let isDone = administrator === undefined;
  return async function ensureAdministrator() {
    if (isDone || administrator === undefined) return;
    await accounts.createAdministrator(administrator);
    isDone = true;
  };
}

/** Auth holds secrets of every kind, so a secret that is used twice can be detected here. */
function requireOwnSecrets(settings: AuthSettings): void {
  try {
    requireDistinctSecrets({
      PASSPORT_KEYS: settings.PASSPORT_KEYS.map(({ secret }) => secret),
      REFRESH_TOKEN_KEY: [settings.REFRESH_TOKEN_KEY],
      UPSTASH_REDIS_REST_TOKEN: [settings.UPSTASH_REDIS_REST_TOKEN],
    });
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

async function importKeys(ring: AccessTokenKeyRing): Promise<ImportedKeys> {
  try {
    return await ring.imported();
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError(error.message) : error;
  }
}

function administratorOf({ ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: AuthSettings) {
  return email === undefined || password === undefined ? undefined : { email, password };
}

/** Importing a key awaits no I/O of another request, so requests may share the promise. */
function lazily<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => made ??= make();
}
