export { AccountSummary, CourseForEnrollment, ExportPart, ProfileForCourse } from "./calls.ts";
export { defineService } from "./define_service.ts";
export { type EventTypes, eventTypes } from "./generated/events.ts";
