import type { CourseAggregate, CourseRecord } from "./course.ts";
import type { Course, CourseListItem } from "./schema.ts";

function toSummary(course: CourseRecord) {
  const { id, title, summary, tags, state, instructorActive, learners, completions } = course;
  const instructor = { id: course.instructorId, name: course.instructorName };
  const counts = { learners, completions };
  return { id, title, summary, tags: [...tags], state, instructor, instructorActive, ...counts };
}

function toTimes({ createdAt, updatedAt, publishedAt }: CourseRecord) {
  return {
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    publishedAt: publishedAt === null ? null : new Date(publishedAt).toISOString(),
  };
}

/** A course as an item of a list. */
export function toListItem(course: CourseRecord): CourseListItem {
  return { ...toSummary(course), lessonCount: course.lessonCount, ...toTimes(course) };
}

/** A course with its lessons. */
export function toCourse(course: CourseAggregate): Course {
  const lessons = course.lessons.map(({ id, title, content }, index) => ({
    id,
    title,
    content,
    position: index + 1,
  }));
  return { ...toSummary(course), lessons, ...toTimes(course) };
}
