// Every check-in goes through here, with or without a network, and stays until the server has it.
//
// One entry a habit and date: only the last wish for a day is sent. Nothing is dropped without
// being shown: what cannot be sent as it was meant waits for the person's decision.

import { computed, ref } from "vue";
import type { Day } from "../api/types";
import { isFulfilled, isWaiting, keyOf, type Checkin, type Wish } from "./checkin";
import { openStore } from "./store";

const entries = ref<Checkin[]>([]);
const others = new BroadcastChannel("outbox");
let account = "";

export const unsent = computed(() => entries.value.filter(isWaiting));
export const undecided = computed(() => entries.value.filter((entry) => !isWaiting(entry)));

export interface Order {
  habitId: string;
  habitName: string;
  date: string;
  wish: Wish;
  seen: Day | null;
}

// Shows the entries of an account, of whichever tab.
export async function openOutbox(ofAccount: string): Promise<void> {
  account = ofAccount;
  await reread();
  others.onmessage = () => void reread();
}

export async function put(order: Order): Promise<void> {
  const key = keyOf(account, order.habitId, order.date);
  const before = find(key);
  const entry: Checkin = {
    ...order,
    key,
    account,
    seen: before && isWaiting(before) ? before.seen : order.seen,
    tried: before?.tried ?? [],
    wishedAt: new Date().toISOString(),
    turn: (before?.turn ?? 0) + 1,
  };
  await write(entry);
}

// After the server has taken a wish: a newer one for the same day goes on from there.
export async function settle(sent: Checkin, now: Day | null): Promise<void> {
  const present = find(sent.key);
  if (!present) {
    return;
  }
  if (present.turn === sent.turn || isFulfilled(present.wish, now)) {
    await remove(sent.key);
  } else {
    await write({ ...present, seen: now, tried: [] });
  }
}

// Before it is sent: its answer may be lost.
export async function trying({ key, wish }: Checkin): Promise<void> {
  const present = find(key);
  if (present && !present.tried.some((other) => JSON.stringify(other) === JSON.stringify(wish))) {
    await write({ ...present, tried: [...present.tried, wish] });
  }
}

// After an earlier wish of the same person has been found to have been heard.
export async function goOnFrom(sent: Checkin, now: Day | null): Promise<void> {
  await write({ ...(find(sent.key) ?? sent), seen: now });
}

// After the server has said that the day is not what was seen.
export async function contradict(sent: Checkin, meanwhile: Day | null): Promise<void> {
  await write({ ...(find(sent.key) ?? sent), meanwhile });
}

export async function refuse(sent: Checkin, refusal: string): Promise<void> {
  await write({ ...(find(sent.key) ?? sent), refusal });
}

// The person's decision: mine, knowing what it replaces.
export async function insist(entry: Checkin): Promise<void> {
  const { key, habitId, habitName, date, wish, wishedAt } = entry;
  await write({ key, account, habitId, habitName, date, wish, wishedAt, seen: entry.meanwhile ?? null, tried: [], turn: entry.turn + 1 });
}

export async function remove(key: string): Promise<void> {
  entries.value = entries.value.filter((entry) => entry.key !== key);
  await (await openStore()).delete("checkins", key);
  await reread();
  others.postMessage("changed");
}

export function find(key: string): Checkin | undefined {
  return entries.value.find((entry) => entry.key === key);
}

export function wishFor(habitId: string, date: string): Checkin | undefined {
  return find(keyOf(account, habitId, date));
}

export async function reread(): Promise<void> {
  const all = (await (await openStore()).getAll("checkins")) as Checkin[];
  entries.value = all.filter((entry) => entry.account === account);
}

async function write(entry: Checkin): Promise<void> {
  // On the screen at once, on the disk right after. Then read again: another tab may have made this
  // one read in between.
  entries.value = [...entries.value.filter((other) => other.key !== entry.key), entry];
  await (await openStore()).put("checkins", JSON.parse(JSON.stringify(entry)));
  await reread();
  others.postMessage("changed");
}
