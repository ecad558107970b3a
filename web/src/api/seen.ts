// What was read, kept for the next visit: the app opens with it, also without a network.

import { dehydrate, hydrate, type DehydratedState } from "@tanstack/vue-query";
import { openStore } from "../outbox/store";
import { queryClient } from "./queries";
import { accountId } from "./session";

const SAVE_AFTER_MILLISECONDS = 500;

export async function recallSeen(account: string): Promise<void> {
  const state = (await (await openStore()).get("seen", account)) as DehydratedState | undefined;
  if (state) {
    hydrate(queryClient, state);
    // However young it is, it may be older than the last change.
    await queryClient.invalidateQueries({ refetchType: "none" });
  }
}

// What of an account stays on this device after signing out: nothing.
export async function forgetSeen(account: string): Promise<void> {
  queryClient.clear();
  await (await openStore()).delete("seen", account);
}

export function keepSeen(): void {
  let timer: number | undefined;
  queryClient.getQueryCache().subscribe((event) => {
    if (event.type === "updated" && event.action.type === "success") {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void save(), SAVE_AFTER_MILLISECONDS);
    }
  });
}

async function save(): Promise<void> {
  const account = accountId();
  if (account) {
    // A round trip through JSON: what Vue watches cannot be cloned into a store.
    const state = JSON.parse(JSON.stringify(dehydrate(queryClient))) as DehydratedState;
    await (await openStore()).put("seen", state, account);
  }
}
