import type { Settings } from "../workspace/settings.ts";

/** A person to log in as. */
export interface DemoPerson {
  readonly role: "admin" | "instructor" | "learner";
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/**
 * The password of the demo instructor and the demo learner, the same everywhere, so that a tour can
 * be copied. The administrator's is generated once for each workspace: a stranger who reaches a dev
 * system, through a forwarded port perhaps, must not be able to look up the one account
 * that assigns roles.
 */
export const demoPassword = "learn-at-the-edge";

/** The demo people of a system. */
export function demoPeople({ ADMIN_EMAIL, ADMIN_PASSWORD }: Settings) {
  return {
    admin: {
      role: "admin",
      name: "Administrator",
      email: ADMIN_EMAIL,
      password: ADMIN_PASSWORD,
    },
    instructor: {
      role: "instructor",
      name: "Demo Instructor",
      email: "instructor@edgepass.local",
      password: demoPassword,
    },
    learner: {
      role: "learner",
      name: "Demo Learner",
      email: "learner@edgepass.local",
      password: demoPassword,
    },
  } as const satisfies Record<DemoPerson["role"], DemoPerson>;
}
