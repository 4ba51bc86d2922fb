import { services } from "../services.ts";
import { checkServices } from "./check.ts";
import { DeclarationError, describeServices } from "./describe.ts";

/** Checks the declarations of the services and their settings, without starting anything. */
try {
  checkServices(await describeServices(new URL("../../", import.meta.url), services));
} catch (error) {
  if (!(error instanceof DeclarationError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
