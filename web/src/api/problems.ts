// Problem details (RFC 9457) as an error that a screen can show.

import type { Problem } from "./types";

export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly fields: Record<string, string[]>,
    readonly retryAfterSeconds: number | null,
  ) {
    super(detail);
  }
}

export function problemOf(response: Response, body: unknown): ApiProblem {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<Problem>;
  const retryAfter = Number(response.headers.get("Retry-After"));
  return new ApiProblem(
    response.status,
    problem.code ?? "unknown",
    problem.detail ?? response.statusText,
    problem.errors ?? {},
    retryAfter > 0 ? retryAfter : null,
  );
}
