// What happens elsewhere, shown here within a second: a Done in Telegram, another device, another tab.
//
// One stream a browser: the tab that holds the lock listens, and tells the others.

import { onlyOne } from "../api/locks";
import { queryClient, habitsHaveChanged, KEYS } from "../api/queries";
import { accessToken, accountId, SessionEnded } from "../api/session";
import { knownDay, showDay } from "../api/shown_days";
import type { Day } from "../api/types";
import { eventsOf } from "./events";

type DayState = Day & { cleared: boolean };

interface CloudEvent {
  id: string;
  type: string;
  data: unknown;
}

const PAUSE_MILLISECONDS = 3_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
const TYPES = "habit.*,account.*,telegram.*";
const tabs = new BroadcastChannel("live");

// Listens as long as somebody is signed in. Without a stream the screens are as new as their last visit.
export function listen(): void {
  tabs.onmessage = ({ data }: MessageEvent<CloudEvent>) => apply(data);
  void onlyOne("live", async () => {
    let pause = PAUSE_MILLISECONDS;
    while (accountId()) {
      try {
        await follow(accountId());
        pause = PAUSE_MILLISECONDS;
      } catch (error) {
        if (error instanceof SessionEnded) {
          return;
        }
        pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
      }
      await new Promise((resume) => setTimeout(resume, pause));
    }
  });
}

async function follow(account: string): Promise<void> {
  const place = `last-event/${account}`;
  const last = localStorage.getItem(place);
  const query = new URLSearchParams({ types: TYPES, ...(last ? { lastEventId: last } : { compacted: "true" }) });
  const headers = { Accept: "text/event-stream", Authorization: `Bearer ${await accessToken()}` };
  const response = await fetch(`/api/me/events/?${query}`, { headers });
  if (response.status === 410) {
    localStorage.removeItem(place);
  }
  if (!response.ok || !response.body) {
    throw new TypeError(`events: ${response.status}`);
  }
  // Without a place to go on from, what was before today's visit is told first: the screens know it.
  let isNews = last !== null;
  for await (const { id, type, data } of eventsOf(response.body)) {
    if (account !== accountId()) {
      return;
    }
    isNews ||= type === "caught-up";
    if (id) {
      localStorage.setItem(place, id);
      if (isNews) {
        const event = JSON.parse(data) as CloudEvent;
        apply(event);
        tabs.postMessage(event);
      }
    }
  }
}

function apply({ type, data }: CloudEvent): void {
  if (type.startsWith("habit.day_")) {
    applyDay(data as DayState);
  } else if (type.startsWith("telegram.")) {
    void queryClient.invalidateQueries({ queryKey: KEYS.chatLink() });
  } else {
    void habitsHaveChanged();
  }
}

function applyDay(state: DayState): void {
  const known = knownDay(state.habit_id, state.date);
  const isKnown = state.cleared ? known === null : known !== null && known.version >= state.version;
  if (!isKnown && (known?.version ?? 0) < state.version) {
    showDay({ habitId: state.habit_id, date: state.date }, state.cleared ? null : state);
    void queryClient.invalidateQueries({ queryKey: KEYS.history(state.habit_id) });
  }
}
