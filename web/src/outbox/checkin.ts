// A check-in on its way: what a person wants a habit's day to be, and what they saw when they said so.

import type { Day } from "../api/types";

export type Wish =
  | { kind: "status"; status: "done" | "skipped"; note: string | null }
  | { kind: "value"; value: number; note: string | null }
  | { kind: "clear" };

export interface Checkin {
  key: string;
  account: string;
  habitId: string;
  habitName: string;
  date: string;
  wish: Wish;
  // The day as the server had it when the first of the wishes was made.
  seen: Day | null;
  // Wishes that were sent and may have been heard: what comes of them is the person's own doing.
  tried: Wish[];
  wishedAt: string;
  // Another wish for the same day is another number, so that an answer is not taken for its own.
  turn: number;
  // Since it was sent, somebody else has said otherwise: the person decides.
  meanwhile?: Day | null;
  // The server will never take it, and says why.
  refusal?: string;
}

export function keyOf(account: string, habitId: string, date: string): string {
  return `${account}/${habitId}/${date}`;
}

export function isWaiting(checkin: Checkin): boolean {
  return checkin.meanwhile === undefined && checkin.refusal === undefined;
}

export function isFulfilled(wish: Wish, day: Day | null): boolean {
  if (wish.kind === "clear" || day === null) {
    return wish.kind === "clear" && day === null;
  }
  const sameNote = (wish.note ?? "") === (day.note ?? "");
  return sameNote && (wish.kind === "value" ? day.value === wish.value : day.status === wish.status);
}

// The day as it will be, for the screen: until the server has answered.
export function dayAfter(checkin: Checkin, target: { value: number | null; unit: string | null }): Day | null {
  const { wish } = checkin;
  if (wish.kind === "clear") {
    return null;
  }
  const value = wish.kind === "value" ? wish.value : wish.status === "done" ? target.value : null;
  const isShort = target.value !== null && value !== null && value < target.value;
  return {
    habit_id: checkin.habitId,
    date: checkin.date,
    status: wish.kind === "status" ? wish.status : isShort ? "partial" : "done",
    value,
    target_value: target.value,
    unit: target.unit,
    slots: [],
    note: wish.note,
    channel: "api",
    recorded_at: checkin.wishedAt,
    version: checkin.seen?.version ?? 0,
  };
}
