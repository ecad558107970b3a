// Short names for what the API document calls its schemas.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Profile = Schemas["Profile"];
export type Habit = Schemas["HabitRepresentation"];
export type HabitBody = Schemas["HabitBody"];
export type HabitPage = Schemas["HabitPage"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type Day = Schemas["DayRepresentation"];
export type Due = Schemas["DueRepresentation"];
export type Today = Schemas["TodayRepresentation"];
export type Grid = Schemas["GridRepresentation"];
export type GridRow = Schemas["GridRowRepresentation"];
export type Statistics = Schemas["StatisticsRepresentation"];
export type ChatLink = Schemas["LinkRepresentation"];
export type Problem = Schemas["Problem"];
