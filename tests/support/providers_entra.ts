import {
  accepted,
  certificate,
  elsewhere,
  hour,
  type Provider,
  refused,
  thumbprint,
} from "./provider.ts";

const tid = "11111111-2222-4333-8444-555555555555";
const otherTid = "99999999-8888-4777-8666-555555555555";
const api = "aaaa1111-bb22-4c33-8d44-ee5555555555";
const web = "bbbb1111-cc22-4d33-8e44-ff5555555555";
const job = "cccc1111-dd22-4e33-8f44-aa5555555555";
const oid = "dddd1111-ee22-4f33-8a44-bb5555555555";

/** So many groups as Entra puts into a token at most, and more than fit into 12 KiB. */
const groups = (count: number) =>
  Array.from({ length: count }, (_, at) => `${String(at).padStart(8, "0")}${oid.slice(8)}`);

/** Entra's keys have no `alg`, and name the issuer that they are for. */
const entraKey = { use: "sig", x5t: thumbprint, x5c: [certificate] };
const entraClaims = {
  ...hour(),
  aio: "AXQAi/8IAAAA",
  rh: "I",
  uti: "AAAAAAAAAAAAAAAAAAAAAA",
  oid,
  sub: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
  tid,
  scp: "Orders.Read",
  roles: ["admin"],
  name: "Jane",
};
/** A client with credentials of its own: no `scp`, and `oid` of its service principal. */
const appOnly = {
  oid: "eeee1111-ff22-4a33-8b44-cc5555555555",
  sub: "eeee1111-ff22-4a33-8b44-cc5555555555",
  scp: undefined,
  name: undefined,
  idtyp: "app",
};

export const entraV1: Provider = {
  title: "Microsoft Entra ID, tokens of version 1",
  alg: "RS256",
  kid: thumbprint,
  key: entraKey,
  discovery: {
    at: `https://login.microsoftonline.com/${tid}/.well-known/openid-configuration`,
    issuer: `https://sts.windows.net/${tid}/`,
    keys: "https://login.microsoftonline.com/common/discovery/keys",
  },
  header: { typ: "JWT", x5t: thumbprint },
  claims: {
    ...entraClaims,
    iss: `https://sts.windows.net/${tid}/`,
    aud: "api://orders",
    appid: web,
    appidacr: "0",
    acr: "1",
    amr: ["pwd"],
    unique_name: "jane@example.com",
    ver: "1.0",
  },
  administers: true,
  passport: {
    sub: `user:entra-v1:${oid}`,
    tenant: tid,
    roles: ["admin"],
    scope: "Orders.Read",
  },
  shapes: {
    machine: accepted(`user:entra-v1:${appOnly.oid}`, { ...appOnly, appid: job, appidacr: "1" }),
    otherClient: refused("claim_invalid:appid", { appid: api }),
    idToken: refused("audience", { aud: web, appid: undefined, scp: undefined, nonce: "n" }),
    otherTenant: refused("unknown_issuer", {
      iss: `https://sts.windows.net/${otherTid}/`,
      tid: otherTid,
    }),
    otherAudience: refused("audience", { aud: "https://graph.microsoft.com" }),
    otherEnvironment: elsewhere(`https://sts.chinacloudapi.cn/${tid}/`),
  },
};

const v2 = (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`;

export const entraV2: Provider = {
  title: "Microsoft Entra ID, tokens of version 2, one tenant",
  alg: "RS256",
  kid: thumbprint,
  key: { ...entraKey, issuer: v2("{tenantid}") },
  discovery: {
    at: `${v2(tid)}/.well-known/openid-configuration`,
    keys: `https://login.microsoftonline.com/${tid}/discovery/v2.0/keys`,
  },
  header: { typ: "JWT" },
  claims: {
    ...entraClaims,
    iss: v2(tid),
    aud: api,
    azp: web,
    azpacr: "0",
    preferred_username: "jane@example.com",
    ver: "2.0",
  },
  administers: true,
  passport: { sub: `user:entra:${oid}`, tenant: tid, roles: ["admin"], scope: "Orders.Read" },
  shapes: {
    machine: accepted(`user:entra:${appOnly.oid}`, { ...appOnly, azp: job, azpacr: "1" }),
    otherClient: refused("claim_invalid:azp", { azp: "ffff1111-aa22-4b33-8c44-dd5555555555" }),
    idToken: refused("audience", { aud: web, azp: undefined, scp: undefined, nonce: "n" }),
    otherTenant: refused("unknown_issuer", { iss: v2(otherTid), tid: otherTid }),
    otherAudience: refused("audience", { aud: "00000003-0000-0000-c000-000000000000" }),
    otherEnvironment: elsewhere(`https://login.microsoftonline.us/${tid}/v2.0`),
  },
  further: {
    "with 200 groups, of 12 KB": accepted(`user:entra:${oid}`, { groups: groups(200) }),
    "with more than 12,288 bytes": refused("too_large", { groups: groups(230) }),
    "the ID token, where API and client are one registration": refused("claim_missing:azp", {
      azp: undefined,
      azpacr: undefined,
      scp: undefined,
      nonce: "n",
    }),
  },
};

export const entraMany: Provider = {
  ...entraV2,
  title: "Microsoft Entra ID, tokens of version 2, many tenants",
  discovery: {
    at: "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
    issuer: v2("{tenantid}"),
    keys: "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
  },
  administers: false,
  passport: { ...entraV2.passport, sub: `user:entra:${tid}:${oid}`, roles: ["org-admin"] },
  shapes: {
    ...entraV2.shapes,
    machine: accepted(`user:entra:${tid}:${appOnly.oid}`, { ...appOnly, azp: job, azpacr: "1" }),
    otherTenant: refused("claim_invalid:tid", { iss: v2(otherTid), tid: otherTid }),
  },
  further: {
    "whose `tid` is not the tenant in its `iss`": refused("claim_invalid:tid", { tid: otherTid }),
    "of a listed second tenant, with the same `oid`": accepted(
      `user:entra:22222222-3333-4444-8555-666666666666:${oid}`,
      {
        iss: v2("22222222-3333-4444-8555-666666666666"),
        tid: "22222222-3333-4444-8555-666666666666",
      },
    ),
  },
};
