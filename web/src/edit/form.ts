// A habit as a form: in the person's terms, with the rules that can be told before it is sent.

import type { Habit, HabitBody } from "../api/types";
import { timeInWords } from "../dates/dates";
import { t } from "../texts";

export const LONGEST_SECONDS = 120;
export const LONGEST_PERIOD_DAYS = 7;
export const MOST_TIMES = 8;

export interface HabitForm {
  action: string;
  place: string;
  times: string[];
  seconds: number | "";
  kind: Habit["schedule"]["kind"];
  everyDays: number;
  weekdays: number[];
  timesPerWeek: number;
  startDate: string;
  endDate: string;
  pausedUntil: string;
  followUpMinutes: number | "";
  isPleasant: boolean;
  // A reward and a linked habit exclude each other, so there is one choice.
  prize: "none" | "reward" | "linked";
  reward: string;
  linkedHabitId: string;
  isPublished: boolean;
  target: number | "";
  unit: string;
}

export function formOf(habit?: Habit): HabitForm {
  const schedule = habit?.schedule ?? { kind: "every_n_days", n: 1 };
  return {
    action: habit?.action ?? "",
    place: habit?.place ?? "",
    times: habit?.times.map(timeInWords) ?? ["08:00"],
    seconds: habit?.duration_seconds ?? 60,
    kind: schedule.kind,
    everyDays: schedule.kind === "every_n_days" ? schedule.n : 1,
    weekdays: schedule.kind === "weekdays" ? schedule.weekdays : [1, 2, 3, 4, 5],
    timesPerWeek: schedule.kind === "times_per_week" ? schedule.times : 3,
    startDate: habit?.start_date ?? "",
    endDate: habit?.end_date ?? "",
    pausedUntil: habit?.paused_until ?? "",
    followUpMinutes: habit?.follow_up_minutes ?? "",
    isPleasant: habit?.is_pleasant ?? false,
    prize: habit?.reward ? "reward" : habit?.linked_habit_id ? "linked" : "none",
    reward: habit?.reward ?? "",
    linkedHabitId: habit?.linked_habit_id ?? "",
    isPublished: habit?.is_published ?? false,
    target: habit?.target_value ?? "",
    unit: habit?.unit ?? "",
  };
}

export function bodyOf(form: HabitForm): HabitBody {
  const hasPrize = !form.isPleasant;
  return {
    action: form.action.trim(),
    place: form.place.trim(),
    times: [...new Set(form.times)].sort(),
    duration_seconds: Number(form.seconds),
    schedule: scheduleOf(form),
    start_date: form.startDate || null,
    end_date: form.endDate || null,
    paused_until: form.pausedUntil || null,
    follow_up_minutes: form.followUpMinutes === "" ? null : form.followUpMinutes,
    is_pleasant: form.isPleasant,
    reward: hasPrize && form.prize === "reward" ? form.reward.trim() || null : null,
    linked_habit_id: hasPrize && form.prize === "linked" ? form.linkedHabitId || null : null,
    is_published: form.isPublished,
    target_value: form.target === "" ? null : form.target,
    unit: form.target === "" ? null : form.unit.trim() || null,
  };
}

function scheduleOf(form: HabitForm): Habit["schedule"] {
  switch (form.kind) {
    case "every_n_days":
      return { kind: form.kind, n: form.everyDays };
    case "weekdays":
      return { kind: form.kind, weekdays: [...form.weekdays].sort() };
    case "times_per_week":
      return { kind: form.kind, times: form.timesPerWeek };
  }
}

// Only what the person changed is sent: all else of the habit stays as it is.
export function changesBetween(before: HabitForm, after: HabitForm): Partial<HabitBody> {
  const old = bodyOf(before) as Record<string, unknown>;
  const changed = Object.entries(bodyOf(after)).filter(([name, value]) => JSON.stringify(old[name]) !== JSON.stringify(value));
  return Object.fromEntries(changed);
}

// What the server would say, said before.
export function earlyErrors(form: HabitForm): Record<string, string[]> {
  const errors: Record<string, string[]> = {};
  if (form.seconds === "" || form.seconds < 1 || form.seconds > LONGEST_SECONDS || !Number.isInteger(form.seconds)) {
    errors.duration_seconds = [t("edit.rules.duration")];
  }
  if (!form.action.trim()) {
    errors.action = [t("edit.rules.notBlank")];
  }
  if (!form.place.trim()) {
    errors.place = [t("edit.rules.notBlank")];
  }
  if (form.kind === "weekdays" && form.weekdays.length === 0) {
    errors.schedule = [t("edit.rules.weekday")];
  }
  if (form.target !== "" && !form.unit.trim()) {
    errors.unit = [t("edit.rules.unit")];
  }
  if (!form.isPleasant && form.prize === "linked" && !form.linkedHabitId) {
    errors.linked_habit_id = [t("edit.rules.choose")];
  }
  return errors;
}
