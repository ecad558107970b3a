// The outbox against a server that keeps versions as ours does, over a network that loses answers.

import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem } from "../api/problems";
import type { Day } from "../api/types";
import { isFulfilled, type Wish } from "./checkin";
import * as outbox from "./outbox";

const server = vi.hoisted(() => ({
  day: null as Day | null,
  version: 0,
  requests: 0,
  // What becomes of the next requests: lost on the way there, or on the way back.
  fates: [] as ("arrives" | "lost" | "answer lost")[],
  refusal: null as Error | null,
}));

vi.mock("../api/client", () => {
  function act(change: () => void, allowed: boolean): Promise<Day | null> {
    server.requests += 1;
    const fate = server.fates.shift() ?? "arrives";
    if (fate === "lost") {
      return Promise.reject(new TypeError("no network"));
    }
    if (server.refusal) {
      return Promise.reject(server.refusal);
    }
    if (!allowed) {
      return Promise.reject(new ApiProblem(412, "precondition_failed", "", {}, null));
    }
    change();
    return fate === "arrives" ? Promise.resolve(server.day) : Promise.reject(new TypeError("no answer"));
  }
  const matches = (header: Record<string, string>) =>
    "If-Match" in header ? header["If-Match"] === `"${server.day?.version}"` : server.day === null;
  return {
    dataOf: <T>(answer: Promise<T>) => answer,
    isOffline: (error: unknown) => error instanceof TypeError,
    api: {
      GET: () => act(() => undefined, true).then((day) => ({ results: day ? [day] : [] })),
      PUT: (_path: string, { params, body }: { params: { header: Record<string, string> }; body: Partial<Day> }) =>
        act(() => write({ value: null, note: null, status: "done", ...body }), matches(params.header)),
      DELETE: (_path: string, { params }: { params: { header: Record<string, string> } }) =>
        act(() => (server.day = null), matches(params.header)),
    },
  };
});

const { sendAll } = await import("./sending");

const HABIT = "habit";
const DATE = "2026-11-23";
const DONE: Wish = { kind: "status", status: "done", note: null };
const SKIPPED: Wish = { kind: "status", status: "skipped", note: null };
const CLEAR: Wish = { kind: "clear" };

function write(changes: Partial<Day>): void {
  server.version += 1;
  server.day = { ...(changes as Day), habit_id: HABIT, date: DATE, version: server.version };
}

function wish(wanted: Wish, seen: Day | null = server.day): Promise<void> {
  return outbox.put({ habitId: HABIT, habitName: "Drink water", date: DATE, wish: wanted, seen });
}

beforeEach(async () => {
  Object.assign(server, { day: null, version: 0, requests: 0, fates: [], refusal: null });
  await outbox.openOutbox("ann");
  await Promise.all([...outbox.unsent.value, ...outbox.undecided.value].map(({ key }) => outbox.remove(key)));
});

describe("a check-in", () => {
  it("is one request", async () => {
    await wish(DONE);
    await sendAll();

    expect(server.day?.status).toBe("done");
    expect(server.requests).toBe(1);
    expect(outbox.unsent.value).toEqual([]);
  });

  it("waits while there is no network, also over a restart", async () => {
    server.fates = ["lost"];
    await wish(DONE);
    await sendAll();
    await outbox.openOutbox("ann");

    expect(outbox.unsent.value).toHaveLength(1);
    await sendAll();
    expect(server.day?.status).toBe("done");
    expect(outbox.unsent.value).toEqual([]);
  });

  it("is not shown to another account", async () => {
    await wish(DONE);
    await outbox.openOutbox("bob");
    expect(outbox.unsent.value).toEqual([]);
    await outbox.openOutbox("ann");
    expect(outbox.unsent.value).toHaveLength(1);
  });

  it("whose answer was lost is not taken for somebody else's", async () => {
    server.fates = ["answer lost"];
    await wish(DONE);
    await sendAll();
    await sendAll();

    expect(outbox.unsent.value).toEqual([]);
    expect(outbox.undecided.value).toEqual([]);
    expect(server.version).toBe(1);
  });

  it("sends the last wish for a day only", async () => {
    await wish(DONE);
    await wish(CLEAR);
    await wish(SKIPPED);
    await sendAll();

    expect(server.day?.status).toBe("skipped");
    expect(server.version).toBe(1);
  });

  it("that the server refuses stays, with the reason", async () => {
    server.refusal = new ApiProblem(404, "not_found", "There is no such habit.", {}, null);
    await wish(DONE);
    await sendAll();

    expect(outbox.undecided.value.map(({ refusal }) => refusal)).toEqual(["There is no such habit."]);
  });
});

describe("what somebody else has said meanwhile", () => {
  it("is shown, and nothing is overwritten", async () => {
    await wish(DONE, null);
    write({ status: "skipped", value: null, note: null });
    await sendAll();

    expect(server.day?.status).toBe("skipped");
    expect(outbox.undecided.value[0]?.meanwhile?.status).toBe("skipped");
  });

  it("is nothing to show if it is the same", async () => {
    await wish(DONE, null);
    write({ status: "done", value: null, note: null });
    await sendAll();

    expect(outbox.undecided.value).toEqual([]);
    expect(outbox.unsent.value).toEqual([]);
  });

  it("gives way when the person insists", async () => {
    await wish(DONE, null);
    write({ status: "skipped", value: null, note: null });
    await sendAll();
    const [card] = outbox.undecided.value;
    if (card) {
      await outbox.insist(card);
    }
    await sendAll();

    expect(server.day?.status).toBe("done");
    expect(outbox.undecided.value).toEqual([]);
  });
});

it("ends in the last wish, whatever is lost and whenever it is sent", async () => {
  const wishes = [DONE, SKIPPED, CLEAR, { kind: "value", value: 2, note: "half" } as Wish];
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = numbersFrom(seed);
    Object.assign(server, { day: null, version: 0, fates: [] });
    let last: Wish = CLEAR;
    for (let step = 0; step < 12; step += 1) {
      last = wishes[random(4)] ?? CLEAR;
      await wish(last);
      server.fates = Array.from({ length: 3 }, () => (["arrives", "lost", "answer lost"] as const)[random(3)] ?? "lost");
      const sending = random(2) ? sendAll() : undefined;
      if (random(2)) {
        last = wishes[random(4)] ?? CLEAR;
        await wish(last);
      }
      await sending;
    }
    server.fates = [];
    await sendAll();
    expect(outbox.undecided.value, `seed ${seed}`).toEqual([]);
    expect(outbox.unsent.value, `seed ${seed}`).toEqual([]);
    expect(isFulfilled(last, server.day), `seed ${seed}`).toBe(true);
  }
});

function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}
