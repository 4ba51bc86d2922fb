export { AccountSummary, CourseForEnrollment, ProfileForCourse } from "./calls.ts";
export { defineService, type ServiceEvents } from "./define_service.ts";
export { type EventTypes, eventTypes } from "./generated/events.ts";
export { exportServices } from "./generated/services.ts";
