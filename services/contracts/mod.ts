export { AccountSummary, CourseForEnrollment, ExportPart, ProfileForCourse } from "./calls.ts";
export { defineService, type ServiceEvents } from "./define_service.ts";
export { type EventTypes, eventTypes } from "./generated/events.ts";
