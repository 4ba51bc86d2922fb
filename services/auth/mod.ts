import type { Control } from "@edgepass/control";
import type { EventEndpoint } from "@edgepass/shared/events";
import {
  addExportRoute,
  createService,
  type ServiceApp,
  type ServiceRuntime,
} from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/ids";
import type { SqlDb } from "@edgepass/shared/sql";
import { countOutcomes } from "@edgepass/shared/telemetry";
import type { CookieNames } from "@edgepass/shared/tokens";
import { type Accounts, createAccounts } from "./accounts.ts";
import { createAdministration } from "./administration.ts";
import { createChangePassword } from "./change_password.ts";
import type { AuthOptions, Lifetimes } from "./options.ts";
import { createGrantIssuer } from "./grants.ts";
import { createLoginThrottle } from "./login_throttle.ts";
import type { AccessTokenKeys } from "./keys.ts";
import { createLogins } from "./logins.ts";
import { createPasswordHasher, type PasswordHasher } from "./passwords/hasher.ts";
import { createRefresh } from "./refresh.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { internalRoutes } from "./routes/internal.ts";
import { jwksPath, keyRoutes } from "./routes/keys.ts";
import { loginRoutes } from "./routes/logins.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { createSignIn } from "./sign_in.ts";
import type { AuthStore } from "./store/mod.ts";

export interface AuthServiceOptions {
  readonly runtime: ServiceRuntime;
  readonly store: AuthStore;
  /** The control plane, in the database of the store. */
  readonly control: Control;
  readonly keys: () => Promise<AccessTokenKeys>;
  /** The key that derives successors inside the refresh grace. */
  readonly refreshTokenKey: () => Promise<CryptoKey>;
  readonly issuer: string;
  readonly audience: string;
  readonly cookieNames: CookieNames;
  /** Token lifetimes, current at this moment. */
  readonly lifetimes: () => Lifetimes;
  readonly sessionMaxSeconds: number;
  /** The administrator to create when no account has the address. */
  readonly administrator?: { readonly email: string; readonly password: string };
  readonly passwords?: PasswordHasher;
  readonly newId?: () => string;
  /** Where responses to creations are stored; without it `Idempotency-Key` is ignored. */
  readonly idempotency?: SqlDb;
  /** Publishes the events of the store; without it they wait in the outbox. */
  readonly events?: EventEndpoint;
}

export interface AuthService {
  readonly app: ServiceApp;
  /** Creates the first administrator; does nothing after it succeeded once. */
  ensureAdministrator(): Promise<void>;
  /** Closes a person's account. @throws {Problem} `conflict` for the last administrator */
  closeAccount(id: string): Promise<void>;
}

/** Requests that need the first administrator to exist. */
const administratorPaths = ["/auth/signup", "/auth/login", "/auth/token"];

/**
 * Creates the identity provider: accounts, logins, access tokens, refresh rotation, revocation,
 * keys.
 *
 * Its tables are those of `migrations/`.
 */
export function createAuthService(deps: AuthServiceOptions): AuthService {
  const { runtime, store, control, keys, cookieNames: names } = deps;
  const { now } = runtime;
  const rules: AuthOptions = {
    ...deps,
    revocations: control.revocations,
    passwords: deps.passwords ?? createPasswordHasher(),
    loginThrottle: createLoginThrottle({ store: store.loginAttempts, now }),
    issueGrant: createGrantIssuer({ ...deps, now }),
    log: runtime.createLogger("auth"),
    now,
    newId: deps.newId ?? (() => uuidv7(now())),
  };
  const accounts = createAccounts(rules);
  const logins = createLogins(rules);
  const signIn = countOutcomes("edgepass.auth.sign_ins", createSignIn(rules));
  const refreshTokens = countOutcomes("edgepass.auth.refreshes", createRefresh(rules));
  const ensureAdministrator = once(accounts, deps.administrator);
  const app = createService({
    name: "auth",
    runtime,
    description: "Accounts, logins, access tokens and their public keys",
    idempotency: deps.idempotency,
    events: deps.events,
    readiness: {
      keys: async () => void await keys(),
      store: control.checkStore,
    },
    open: [jwksPath],
  });
  for (const path of administratorPaths) {
    app.use(path, async (_c, next) => {
      await ensureAdministrator();
      await next();
    });
  }
  app.route("/", accountRoutes({ accounts, administration: createAdministration(rules) }));
  app.route("/", loginRoutes({ signIn, refreshTokens, logins, names }));
  const changePassword = createChangePassword(rules, refreshTokens);
  app.route("/", sessionRoutes({ logins, changePassword, names }));
  app.route("/", internalRoutes(accounts));
  addExportRoute(app, (personId) => store.readExport(personId));
  app.route("/", keyRoutes(keys));
  control.addRoutes(app);
  return { app, ensureAdministrator, closeAccount: (id) => accounts.close(id) };
}

/** Stores only that it is done: on Workers a request must not wait for another request's work. */
function once(
  accounts: Accounts,
  administrator: AuthServiceOptions["administrator"],
): () => Promise<void> {
  let isDone = administrator === undefined;
  return async function ensureAdministrator() {
    if (isDone || administrator === undefined) return;
    await accounts.createAdministrator(administrator);
    isDone = true;
  };
}
