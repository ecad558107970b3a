// Calendar dates as text, YYYY-MM-DD, and what they are called.
//
// A date has no zone. Only "today" needs one, and it is the account's: a person who travels with
// an account in Berlin checks off Berlin's day.

const DAY_MILLISECONDS = 86_400_000;

// `dayStartsAt` is how many hours after midnight the account's day begins.
export function todayIn(zone: string, dayStartsAt = 0, now = new Date()): string {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    hourCycle: "h23",
  }).formatToParts(now);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  const date = `${part("year")}-${part("month")}-${part("day")}`;
  return Number(part("hour")) < dayStartsAt ? addDays(date, -1) : date;
}

export function addDays(date: string, days: number): string {
  return toDate(instantOf(date) + days * DAY_MILLISECONDS);
}

export function daysBetween(from: string, to: string): number {
  return Math.round((instantOf(to) - instantOf(from)) / DAY_MILLISECONDS);
}

export function datesFrom(from: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => addDays(from, index));
}

// Monday is 1, Sunday 7 (ISO 8601).
export function weekdayOf(date: string): number {
  return new Date(instantOf(date)).getUTCDay() || 7;
}

export function mondayOf(date: string): string {
  return addDays(date, 1 - weekdayOf(date));
}

export function dateInWords(date: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(instantOf(date));
}

// "07:30:00" as people read it: "07:30"; seconds only where there are some.
export function timeInWords(time: string): string {
  return time.endsWith(":00") && time.length === 8 ? time.slice(0, 5) : time;
}

function instantOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`);
}

function toDate(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
