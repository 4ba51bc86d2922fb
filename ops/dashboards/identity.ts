import type { DashboardPlan } from "../dashboard.ts";
import { quantile, rate, ratio } from "../promql.ts";

const signIns = "edgepass.auth.sign_ins";
const refreshes = "edgepass.auth.refreshes";
const issued = "edgepass.passports.minted";
const refused = "edgepass.passports.refused";

/** Logins, the Passports that carry their identity inside, and revocations. */
export const identity: DashboardPlan = {
  uid: "edgepass-identity",
  title: "Edgepass / Identity",
  description: "Logins, Passports and revocations.",
  rows: {
    Logins: [
      {
        title: "Attempts to sign in",
        isStacked: true,
        series: [rate(signIns, { by: ["edgepass.outcome"] })],
      },
      {
        title: "Share of attempts refused",
        description: "A rise without more users indicates that an attacker guesses passwords.",
        series: [{
          ...ratio(rate(signIns, { where: { "edgepass.outcome": ["!=", "ok"] } }), rate(signIns)),
          called: "refused",
        }],
      },
      {
        title: "Refreshes",
        isStacked: true,
        series: [rate(refreshes, { by: ["edgepass.outcome"] })],
      },
      {
        title: "Time of auth's routes, p95",
        description: "Hashing the password takes most of it, on purpose.",
        width: 24,
        series: [quantile(0.95, "http.server.request.duration", {
          where: { "edgepass.service": "auth" },
          by: ["http.route"],
        })],
      },
    ],
    Passports: [
      {
        title: "Signed, by policy",
        isStacked: true,
        series: [rate(issued, { by: ["edgepass.passport.policy"] })],
      },
      {
        title: "Signed, by kind of subject",
        isStacked: true,
        series: [rate(issued, { by: ["edgepass.passport.subject"] })],
      },
      {
        title: "Refused, by service and reason",
        series: [rate(refused, { by: ["edgepass.service", "edgepass.reason"] })],
      },
      {
        title: "Compared in shadow mode, by verdict",
        description: "Mismatch and absent must be 0 before services accept profile A.",
        width: 12,
        series: [rate("edgepass.passports.compared", { by: ["edgepass.passport.verdict"] })],
      },
      {
        title: "Mismatches, by service and reason",
        width: 12,
        series: [
          rate("edgepass.passports.mismatched", { by: ["edgepass.service", "edgepass.reason"] }),
        ],
      },
    ],
    Revocation: [
      {
        title: "Written, by what is revoked",
        width: 12,
        isStacked: true,
        series: [rate("edgepass.auth.revocations", { by: ["edgepass.revocation.kind"] })],
      },
      {
        title: "Results of the check",
        width: 12,
        isStacked: true,
        series: [rate("edgepass.revocation.checks", { by: ["edgepass.revocation.answer"] })],
      },
    ],
  },
};
