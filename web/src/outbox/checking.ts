// Checking off, as the screens do it: seen at once, sent beside it, and undone by one press.

import { knownDay } from "../api/shown_days";
import type { Day, Habit } from "../api/types";
import { t } from "../texts";
import { show } from "../ui/toasts";
import { dayAfter, isFulfilled, isWaiting, type Wish } from "./checkin";
import { put, wishFor } from "./outbox";
import { sendAll } from "./sending";

// What the screen shows of a habit's date: the last wish, else what the server said.
export function shownDay(habit: Habit, date: string, known: Day | null): Day | null {
  const wish = wishFor(habit.id, date);
  if (!wish || !isWaiting(wish)) {
    return known;
  }
  return dayAfter(wish, { value: habit.target_value ?? null, unit: habit.unit ?? null });
}

export async function check(habit: Habit, date: string, wish: Wish): Promise<void> {
  const known = knownDay(habit.id, date);
  const before = shownDay(habit, date, known);
  if (isFulfilled(wish, before)) {
    return;
  }
  await put({ habitId: habit.id, habitName: habit.action, date, wish, seen: known });
  const day = shownDay(habit, date, known);
  show({
    text: t("toast.checked", { habit: habit.action, state: stateInWords(day) }),
    action: { label: t("actions.undo"), run: () => void takeBack(habit, date, before) },
  });
  void sendAll();
}

// What a press on the mark means: what is done becomes undone, all else done.
export function toggled(day: Day | null): Wish {
  return day?.status === "done" ? { kind: "clear" } : { kind: "status", status: "done", note: day?.note ?? null };
}

export function stateInWords(day: Day | null, isDue = true): string {
  if (day === null) {
    return t(isDue ? "states.due" : "states.free");
  }
  return day.status === "partial" ? t("states.partial", { value: day.value ?? 0 }) : t(`states.${day.status}`);
}

async function takeBack(habit: Habit, date: string, before: Day | null): Promise<void> {
  await put({ habitId: habit.id, habitName: habit.action, date, wish: wishOf(before), seen: knownDay(habit.id, date) });
  show({ text: t("toast.undone", { habit: habit.action, state: stateInWords(before) }) });
  void sendAll();
}

function wishOf(day: Day | null): Wish {
  if (day === null) {
    return { kind: "clear" };
  }
  return day.value !== null
    ? { kind: "value", value: day.value, note: day.note }
    : { kind: "status", status: day.status === "skipped" ? "skipped" : "done", note: day.note };
}
