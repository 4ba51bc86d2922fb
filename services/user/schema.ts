import { z } from "@hono/zod-openapi";

// deno-lint-ignore no-control-regex -- control characters are what these refuse
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// deno-lint-ignore no-control-regex -- tab and line breaks belong to prose, the others do not
const controlsInProse = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

function line(maxLength: number) {
  return z.string().trim().min(1).max(maxLength).refine(
    (text) => !controls.test(text) && text.isWellFormed(),
    "Must be one line of text",
  );
}

function prose(maxLength: number) {
  return z.string().min(1).max(maxLength).refine(
    (text) => text.trim() !== "" && !controlsInProse.test(text) && text.isWellFormed(),
    "Must be text",
  );
}

/** What a browser would load by itself: https, and nobody's credentials in it. */
function isImageUrl(text: string): boolean {
  if (/\s/.test(text) || controls.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocol === "https:" && username === "" && password === "";
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

const id = z.string().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e70" });
const time = z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" });
const name = line(100).openapi({ example: "Demo Learner" });
const headline = line(120).nullable().openapi({ example: "Learns to sail" });
const bio = prose(2_000).nullable().openapi({ example: "Afraid of water, not of knots." });
const avatarUrl = z.string().max(2_048).refine(isImageUrl, "Must be an https URL").nullable()
  .openapi({ format: "uri", example: "https://images.example/learner.png" });
const locale = z.string().min(1).max(35).refine(isLocale, "Must be a BCP 47 language tag")
  .nullable().openapi({ example: "pt-BR" });

export const PublicProfile = z.object({ id, name, headline, bio, avatarUrl })
  .openapi("PublicProfile");
export type PublicProfile = z.infer<typeof PublicProfile>;

export const Profile = z.object({
  ...PublicProfile.shape,
  locale,
  createdAt: time,
  updatedAt: time,
}).openapi("Profile");
export type Profile = z.infer<typeof Profile>;

/** A field that is absent stays, null clears it; a person always has a name. */
export const ProfileChange = z.strictObject({ name, headline, bio, avatarUrl, locale }).partial()
  .openapi("ProfileChange");
export type ProfileChange = z.infer<typeof ProfileChange>;

export const UserParams = z.object({
  id: z.uuid().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e70" }),
});
