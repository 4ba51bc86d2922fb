export { AccountSummary, CourseForEnrollment, ExportPart, ProfileForCourse } from "./calls.ts";
export { type EventTypes, eventTypes } from "./events.ts";
