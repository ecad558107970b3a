// A habit as a form: in the person's terms, with the rules that can be told before it is sent.

import type { Habit, HabitBody } from "../api/types";
import { t } from "../texts";

export const LONGEST_SECONDS = 120;
export const LONGEST_PERIOD_DAYS = 7;

export interface HabitForm {
  action: string;
  place: string;
  time: string;
  seconds: number | "";
  periodDays: number;
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
  return {
    action: habit?.action ?? "",
    place: habit?.place ?? "",
    time: habit?.time.slice(0, 5) ?? "08:00",
    seconds: habit?.duration_seconds ?? 60,
    periodDays: habit?.period_days ?? 1,
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
    time: form.time,
    duration_seconds: Number(form.seconds),
    period_days: form.periodDays,
    is_pleasant: form.isPleasant,
    reward: hasPrize && form.prize === "reward" ? form.reward.trim() || null : null,
    linked_habit_id: hasPrize && form.prize === "linked" ? form.linkedHabitId || null : null,
    is_published: form.isPublished,
    target_value: form.target === "" ? null : form.target,
    unit: form.target === "" ? null : form.unit.trim() || null,
  };
}

// Only what the person changed is sent: all else of the habit stays as it is.
export function changesBetween(before: HabitForm, after: HabitForm): Partial<HabitBody> {
  const old = bodyOf(before) as Record<string, unknown>;
  const changed = Object.entries(bodyOf(after)).filter(([name, value]) => old[name] !== value);
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
  if (form.target !== "" && !form.unit.trim()) {
    errors.unit = [t("edit.rules.unit")];
  }
  if (!form.isPleasant && form.prize === "linked" && !form.linkedHabitId) {
    errors.linked_habit_id = [t("edit.rules.choose")];
  }
  return errors;
}
