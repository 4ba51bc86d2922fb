export { AccountSummary, CourseForEnrollment, ProfileForCourse } from "./calls.ts";
export { type EventTypes, eventTypes } from "./events.ts";
