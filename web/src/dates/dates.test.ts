import { describe, expect, it } from "vitest";
import { addDays, dateInWords, datesFrom, daysBetween, mondayOf, timeInWords, todayIn, weekdayOf } from "./dates";

describe("today", () => {
  const newYear = new Date("2026-12-31T23:30:00Z");

  it("is a date of the account's zone, whatever the machine's is", () => {
    expect(todayIn("UTC", 0, newYear)).toBe("2026-12-31");
    expect(todayIn("Europe/Berlin", 0, newYear)).toBe("2027-01-01");
    expect(todayIn("America/Los_Angeles", 0, newYear)).toBe("2026-12-31");
  });

  it("begins when the account's day begins", () => {
    expect(todayIn("Europe/Berlin", 1, newYear)).toBe("2026-12-31");
    expect(todayIn("Asia/Tokyo", 6, newYear)).toBe("2027-01-01");
  });
});

describe("dates", () => {
  it("are counted without a zone, also over a change of clocks", () => {
    expect(addDays("2026-03-28", 1)).toBe("2026-03-29");
    expect(addDays("2026-03-29", 1)).toBe("2026-03-30");
    expect(addDays("2024-02-28", 1)).toBe("2024-02-29");
    expect(daysBetween("2026-01-01", "2027-01-01")).toBe(365);
    expect(datesFrom("2026-12-30", 3)).toEqual(["2026-12-30", "2026-12-31", "2027-01-01"]);
  });

  it("have ISO weekdays", () => {
    expect(weekdayOf("2026-11-23")).toBe(1);
    expect(weekdayOf("2026-11-29")).toBe(7);
    expect(mondayOf("2026-11-29")).toBe("2026-11-23");
  });

  it("are told in the person's language", () => {
    const long = { weekday: "long", day: "numeric", month: "long" } as const;
    expect(dateInWords("2026-11-23", "ru", long)).toBe("понедельник, 23 ноября");
    expect(dateInWords("2026-11-23", "en", long)).toBe("Monday, November 23");
  });
});

describe("times of day", () => {
  it("have seconds only where there are some", () => {
    expect(timeInWords("07:30:00")).toBe("07:30");
    expect(timeInWords("07:30:15")).toBe("07:30:15");
  });
});
