// Who is signed in, and the tokens that prove it.

import { reactive, readonly } from "vue";
import { todayIn } from "../dates/dates";
import { onlyOne } from "./locks";
import type { Profile } from "./types";

interface State {
  // "unknown" until the first refresh has been answered, or could not be asked.
  phase: "unknown" | "signed-out" | "signed-in";
  account: Profile | null;
}

interface Tokens {
  access: string;
  refresh?: string;
}

const REMEMBERED = "account";
// A token that is about to end would be refused on its way.
const LEEWAY_MILLISECONDS = 20_000;

const state = reactive<State>({ phase: "unknown", account: null });
let access: { token: string; until: number } | null = null;

// Where the browser takes it, the refresh token is in a cookie that no script can read. A page that
// came over plain HTTP from another machine gets no such cookie: there it lasts as long as the page.
const IN_COOKIE = isSecureContext;
let refreshToken = "";

export const session = readonly(state);

export class SessionEnded extends Error {}

export function accountId(): string {
  return state.account?.id ?? "";
}

// The date that the account's clock shows now.
export function ownToday(): string {
  return todayIn(state.account?.time_zone ?? "UTC", state.account?.day_starts_at ?? 0);
}

export function rememberAccount(account: Profile): void {
  state.account = account;
  state.phase = "signed-in";
  localStorage.setItem(REMEMBERED, JSON.stringify(account));
}

export function forgetAccount(): void {
  access = null;
  state.account = null;
  state.phase = "signed-out";
  localStorage.removeItem(REMEMBERED);
}

// The account of the last visit, so that the app opens with what was seen even without a network.
export function rememberedAccount(): Profile | null {
  const text = localStorage.getItem(REMEMBERED);
  return text === null ? null : (JSON.parse(text) as Profile);
}

export async function signIn(email: string, password: string): Promise<Response> {
  const response = await post("/api/token/", { email, password, cookie: IN_COOKIE });
  if (response.ok) {
    keep((await response.clone().json()) as Tokens);
  }
  return response;
}

export async function signOut(): Promise<void> {
  await post("/api/token/revoke/", proof()).catch(() => undefined);
  refreshToken = "";
}

// Returns a token that is good now. Throws SessionEnded, or TypeError without a network.
export async function accessToken(): Promise<string> {
  if (access && access.until > Date.now() + LEEWAY_MILLISECONDS) {
    return access.token;
  }
  return refresh(access?.token ?? null);
}

// Several tabs share one cookie, and it changes with each refresh: they take turns.
export async function refresh(refused: string | null): Promise<string> {
  return onlyOne("refresh", async () => {
    if (access && access.token !== refused && access.until > Date.now() + LEEWAY_MILLISECONDS) {
      return access.token;
    }
    if (!IN_COOKIE && !refreshToken) {
      throw new SessionEnded();
    }
    const response = await post("/api/token/refresh/", proof());
    if (response.status === 401 || response.status === 400) {
      throw new SessionEnded();
    }
    if (!response.ok) {
      throw new TypeError(`refresh: ${response.status}`);
    }
    return keep((await response.json()) as Tokens);
  });
}

function proof(): object {
  return IN_COOKIE ? { cookie: true } : { refresh: refreshToken };
}

function keep(answer: Tokens): string {
  refreshToken = answer.refresh ?? "";
  access = { token: answer.access, until: expiryOf(answer.access) };
  return answer.access;
}

function expiryOf(token: string): number {
  const claims = JSON.parse(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as { exp: number; iat: number };
  // By the token's length, not its end: this machine's clock may be wrong.
  return Date.now() + (claims.exp - claims.iat) * 1000;
}

function post(path: string, body: object): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}
