/**
 * The services of the product, one line each: the names of their folders in `services/`. Everything
 * else about a service is in its declaration, `service.ts`; `deno task generate` makes the rest.
 */
export const services = [
  "auth",
  "user",
  "course",
  "enrollment",
  "recommendation",
];
