// Held for half a second, a cell opens; never the only way, as nobody sees that it is there.

const HELD_MILLISECONDS = 500;

export function useLongPress(open: (row: number, column: number) => void) {
  let timer: number | undefined;
  let isLong = false;

  function begin(row: number, column: number): void {
    isLong = false;
    timer = window.setTimeout(() => {
      isLong = true;
      open(row, column);
    }, HELD_MILLISECONDS);
  }

  function end(): void {
    window.clearTimeout(timer);
  }

  return { begin, end, wasLong: () => isLong };
}
