// All lessons, in the order of the index.

import type { AnyLesson } from "./frame/lesson.ts";
import note000 from "./reports/note-000-imdb.ts";
import note001 from "./reports/note-001-mnist.ts";
import note002 from "./reports/note-002-summary.ts";
import note002Topics from "./reports/note-002-topics.ts";
import note003 from "./reports/note-003-pipeline.ts";
import note004 from "./reports/note-004-fashion.ts";
import overfitting from "./reports/overfitting.ts";

export const lessons: readonly AnyLesson[] = [
  note000,
  note001,
  note002,
  note002Topics,
  note003,
  note004,
  overfitting,
];
