// A day as the server has it now, put into everything on the screen that shows it.

import { queryClient, KEYS } from "./queries";
import type { Day, Grid, Today } from "./types";
import type { Checkin } from "../outbox/checkin";

export function showDay({ habitId, date }: Pick<Checkin, "habitId" | "date">, day: Day | null): void {
  queryClient.setQueryData<Today>(KEYS.today(), (today) => today && inToday(today, habitId, date, day));
  queryClient.setQueriesData<Grid>({ queryKey: KEYS.grids() }, (grid) => grid && inGrid(grid, habitId, date, day));
  void queryClient.invalidateQueries({ queryKey: KEYS.statistics(habitId) });
}

// The day as the server last said it.
export function knownDay(habitId: string, date: string): Day | null {
  const cache = queryClient.getQueryCache();
  const queries = [...cache.findAll({ queryKey: KEYS.today() }), ...cache.findAll({ queryKey: KEYS.grids() })];
  const newest = queries.sort((one, other) => other.state.dataUpdatedAt - one.state.dataUpdatedAt);
  for (const { state } of newest) {
    const day = dayIn(state.data as Today | Grid | undefined, habitId, date);
    if (day !== undefined) {
      return day;
    }
  }
  return null;
}

// Undefined where the data say nothing of the habit's date.
function dayIn(data: Today | Grid | undefined, habitId: string, date: string): Day | null | undefined {
  if (data === undefined) {
    return undefined;
  }
  if ("date" in data) {
    return data.date === date ? data.results.find((due) => due.habit.id === habitId)?.day : undefined;
  }
  const row = date >= data.from && date <= data.to && data.results.find(({ habit }) => habit.id === habitId);
  return row ? (row.days.find((day) => day.date === date) ?? null) : undefined;
}

export function inToday(today: Today, habitId: string, date: string, day: Day | null): Today {
  if (today.date !== date) {
    return today;
  }
  const results = today.results.map((due) => (due.habit.id === habitId ? { ...due, day } : due));
  return { ...today, results };
}

export function inGrid(grid: Grid, habitId: string, date: string, day: Day | null): Grid {
  const results = grid.results.map((row) => {
    if (row.habit.id !== habitId || date < grid.from || date > grid.to) {
      return row;
    }
    const others = row.days.filter((each) => each.date !== date);
    return { ...row, days: day ? [...others, day] : others };
  });
  return { ...grid, results };
}
