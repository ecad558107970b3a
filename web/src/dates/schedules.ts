// A schedule as people say it.

import type { Habit } from "../api/types";
import { t } from "../texts";
import { addDays, dateInWords } from "./dates";

const A_SUNDAY = "2026-11-22";

export function scheduleInWords(schedule: Habit["schedule"], locale: string): string {
  switch (schedule.kind) {
    case "every_n_days":
      return t("edit.everyDays", schedule.n);
    case "weekdays":
      return schedule.weekdays.map((weekday) => weekdayInWords(weekday, locale)).join(", ");
    case "times_per_week":
      return t("edit.timesAWeek", schedule.times);
  }
}

// Monday is 1 (ISO 8601).
export function weekdayInWords(weekday: number, locale: string): string {
  return dateInWords(addDays(A_SUNDAY, weekday), locale, { weekday: "short" });
}
