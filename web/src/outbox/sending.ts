// Sends what waits in the outbox: at the start, when the network is back, when the page is seen.

import { ref } from "vue";
import { api, dataOf, isOffline } from "../api/client";
import { onlyOne } from "../api/locks";
import { ApiProblem } from "../api/problems";
import type { Day } from "../api/types";
import { isFulfilled, type Checkin } from "./checkin";
import * as outbox from "./outbox";

const FIRST_PAUSE_MILLISECONDS = 2_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;

// The last try found no way: what waits is worth a word. Else it is on its way and gone in a moment.
export const isHeldUp = ref(false);

type Told = (checkin: Checkin, day: Day | null) => void;

let tell: Told = () => undefined;
let pause = FIRST_PAUSE_MILLISECONDS;
let timer: ReturnType<typeof setTimeout> | undefined;

// `told` hears of every day as the server has it now.
export function keepSending(told: Told): void {
  tell = told;
  window.addEventListener("online", () => void sendAll());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      void sendAll();
    }
  });
  void sendAll();
}

// Sends everything, one tab at a time; what finds no network is tried again later.
export async function sendAll(): Promise<void> {
  clearTimeout(timer);
  try {
    await onlyOne("outbox", async () => {
      for (let next = outbox.unsent.value[0]; next; next = outbox.unsent.value[0]) {
        await send(next);
      }
    });
    pause = FIRST_PAUSE_MILLISECONDS;
    isHeldUp.value = false;
  } catch (error) {
    isHeldUp.value = true;
    if (isOffline(error) || (error instanceof ApiProblem && isPassing(error))) {
      timer = setTimeout(() => void sendAll(), pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
    }
  }
}

async function send(checkin: Checkin): Promise<void> {
  await outbox.trying(checkin);
  try {
    await settled(checkin, await ask(checkin));
  } catch (error) {
    if (!(error instanceof ApiProblem) || isPassing(error)) {
      throw error;
    }
    if (error.status === 412) {
      await compare(checkin);
    } else {
      await outbox.refuse(checkin, error.message);
    }
  }
}

async function compare(checkin: Checkin): Promise<void> {
  const present = await read(checkin);
  if (isFulfilled(checkin.wish, present)) {
    await settled(checkin, present);
  } else if (checkin.tried.some((wish) => isFulfilled(wish, present))) {
    await outbox.goOnFrom(checkin, present);
  } else {
    await outbox.contradict(checkin, present);
  }
}

async function settled(checkin: Checkin, day: Day | null): Promise<void> {
  tell(checkin, day);
  await outbox.settle(checkin, day);
}

async function ask(checkin: Checkin): Promise<Day | null> {
  const { wish, seen, habitId, date } = checkin;
  const path = { habit_id: habitId, date };
  if (wish.kind === "clear") {
    if (seen === null) {
      return clearUnseen(checkin);
    }
    const header = { "If-Match": `"${seen.version}"` };
    await dataOf(api.DELETE("/api/habit/{habit_id}/days/{date}/", { params: { path, header } }));
    return null;
  }
  const header = seen ? { "If-Match": `"${seen.version}"` } : { "If-None-Match": "*" };
  const body = wish.kind === "value" ? { value: wish.value, note: wish.note } : { status: wish.status, note: wish.note };
  return dataOf(api.PUT("/api/habit/{habit_id}/days/{date}/", { params: { path, header }, body }));
}

// Nothing was there and nothing is wanted: whatever is there now is somebody else's.
async function clearUnseen(checkin: Checkin): Promise<Day | null> {
  const present = await read(checkin);
  if (present !== null) {
    throw new ApiProblem(412, "precondition_failed", "", {}, null);
  }
  return null;
}

async function read({ habitId, date }: Checkin): Promise<Day | null> {
  const params = { path: { habit_id: habitId }, query: { from: date, to: date } };
  const { results } = await dataOf(api.GET("/api/habit/{habit_id}/days/", { params }));
  return results[0] ?? null;
}

function isPassing(problem: ApiProblem): boolean {
  return problem.status >= 500 || problem.status === 429 || problem.status === 401;
}
