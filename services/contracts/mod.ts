export { AccountSummary, CourseForEnrollment, ProfileForCourse } from "./calls.ts";
export { defineService } from "./define_service.ts";
export { type EventTypes, eventTypes } from "./generated/events.ts";
export { exportServices } from "./generated/services.ts";
