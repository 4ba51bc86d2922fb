export { AccountSummary, CourseForEnrollment, ProfileForCourse } from "./calls.ts";
