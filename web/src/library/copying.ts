// Somebody's published habit as one's own: unpublished, linked to nothing.

import { api, dataOf } from "../api/client";
import type { Habit } from "../api/types";

export function copyOf({ action, place, times, duration_seconds, is_pleasant, target_value, unit, schedule }: Habit): Promise<Habit> {
  const body = { action, place, times, duration_seconds, is_pleasant, target_value, unit, schedule };
  return dataOf(api.POST("/api/habit/", { body }));
}
