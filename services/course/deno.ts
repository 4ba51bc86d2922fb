import { serve } from "@edgepass/shared/runtime/deno";
import { composeCourse } from "./compose.ts";

await serve((bindings) => composeCourse(bindings), {
  migrations: { COURSE_DB: new URL("./migrations/", import.meta.url) },
});
