/** The product as it is run: every service and the gateway in one process. */
import "../../app/deno.ts";
