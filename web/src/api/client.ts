// The one way to the API: typed by its own document, signed in, with problems as errors.

import createClient from "openapi-fetch";
import { ApiProblem, problemOf } from "./problems";
import type { paths } from "./schema";
import { accessToken, forgetAccount, refresh, SessionEnded } from "./session";

export const api = createClient<paths>({ baseUrl: location.origin, fetch: signedIn });

// Without a session: what is open to everybody.
export const openApi = createClient<paths>({ baseUrl: location.origin });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

// Returns what an answer carries. Throws ApiProblem where it says why there is nothing.
export async function dataOf<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) {
    throw problemOf(response, error);
  }
  return data as T;
}

export function isOffline(error: unknown): boolean {
  return !(error instanceof ApiProblem) && !(error instanceof SessionEnded);
}

async function signedIn(request: Request): Promise<Response> {
  const again = request.clone();
  try {
    const token = await accessToken();
    const response = await send(request, token);
    return response.status === 401 ? await send(again, await refresh(token)) : response;
  } catch (error) {
    if (error instanceof SessionEnded) {
      forgetAccount();
    }
    throw error;
  }
}

function send(request: Request, token: string): Promise<Response> {
  request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request);
}
