// What happens when somebody comes in, and when they leave.

import { api, dataOf } from "../api/client";
import { forgetSeen, recallSeen } from "../api/seen";
import { showDay } from "../api/shown_days";
import { accountId, forgetAccount, rememberAccount, session, signOut } from "../api/session";
import type { Profile } from "../api/types";
import { listen } from "../live/live";
import { openOutbox } from "../outbox/outbox";
import { keepSending, sendAll } from "../outbox/sending";
import { speak } from "../texts";

let isSending = false;

// With what this device remembers; the server is asked beside it.
export async function enter(account: Profile): Promise<void> {
  rememberAccount(account);
  await Promise.all([speak(account.locale), recallSeen(account.id), openOutbox(account.id)]);
  void readProfile().catch(() => undefined);
  listen();
  if (isSending) {
    void sendAll();
  } else {
    isSending = true;
    keepSending(showDay);
  }
}

// Right after the tokens were given.
export async function enterSignedIn(): Promise<void> {
  await enter(await dataOf(api.GET("/api/me/")));
}

export async function readProfile(): Promise<Profile> {
  const account = await dataOf(api.GET("/api/me/"));
  const spoken = session.account?.locale;
  rememberAccount(account);
  if (account.locale !== spoken) {
    await speak(account.locale);
  }
  return account;
}

export async function leave(): Promise<void> {
  const account = accountId();
  await signOut();
  await forgetSeen(account);
  forgetAccount();
}
