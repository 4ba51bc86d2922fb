export { type Mode, runDev } from "./run.ts";
