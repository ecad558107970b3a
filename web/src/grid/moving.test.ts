import { expect, it } from "vitest";
import { placeAfter } from "./moving";

it("moves by cells, to the ends and by weeks, and never out of the grid", () => {
  const middle = { row: 1, column: 10 };

  expect(placeAfter("ArrowUp", middle, 3, 14)).toEqual({ row: 0, column: 10 });
  expect(placeAfter("ArrowRight", middle, 3, 14)).toEqual({ row: 1, column: 11 });
  expect(placeAfter("Home", middle, 3, 14)).toEqual({ row: 1, column: 0 });
  expect(placeAfter("End", middle, 3, 14)).toEqual({ row: 1, column: 13 });
  expect(placeAfter("PageUp", middle, 3, 14)).toEqual({ row: 1, column: 3 });
  expect(placeAfter("PageDown", middle, 3, 14)).toEqual({ row: 1, column: 13 });
  expect(placeAfter("ArrowDown", { row: 2, column: 0 }, 3, 14)).toEqual({ row: 2, column: 0 });
  expect(placeAfter("x", middle, 3, 14)).toBeNull();
});
