// Habits that cost a minute; their words are in the texts.

export const EXAMPLES = [
  { name: "water", time: "07:30", duration_seconds: 60 },
  { name: "stretch", time: "13:00", duration_seconds: 120 },
  { name: "page", time: "22:00", duration_seconds: 120 },
] as const;

export type Example = (typeof EXAMPLES)[number];
