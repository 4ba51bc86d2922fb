import { z } from "@hono/zod-openapi";
import { line, prose } from "@edgepass/shared/http";

/** A URL that a browser may load by itself: https, without credentials in it. */
function isImageUrl(text: string): boolean {
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
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

/** An absent field stays, null clears it; a person always has a name. */
export const ProfileChange = z.strictObject({ name, headline, bio, avatarUrl, locale }).partial()
  .openapi("ProfileChange");
export type ProfileChange = z.infer<typeof ProfileChange>;

export const UserParams = z.object({
  id: z.uuid().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e70" }),
});
