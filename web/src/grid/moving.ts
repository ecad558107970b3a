// Where a key leads in the grid: rows are habits, columns are dates.

export interface Place {
  row: number;
  column: number;
}

const WEEK = 7;

// Null for a key that does not move.
export function placeAfter(key: string, place: Place, rows: number, columns: number): Place | null {
  const steps: Record<string, Place> = {
    ArrowUp: { row: place.row - 1, column: place.column },
    ArrowDown: { row: place.row + 1, column: place.column },
    ArrowLeft: { row: place.row, column: place.column - 1 },
    ArrowRight: { row: place.row, column: place.column + 1 },
    Home: { row: place.row, column: 0 },
    End: { row: place.row, column: columns - 1 },
    PageUp: { row: place.row, column: place.column - WEEK },
    PageDown: { row: place.row, column: place.column + WEEK },
  };
  const wanted = steps[key];
  return wanted ? { row: within(wanted.row, rows), column: within(wanted.column, columns) } : null;
}

function within(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}
