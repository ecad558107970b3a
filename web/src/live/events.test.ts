import { expect, it } from "vitest";
import { eventsOf } from "./events";

it("reads events however the stream is cut, and comments as nothing", async () => {
  const text = ': beat\n\nid: 7\nevent: habit.day_recorded.v1\ndata: {"a":\ndata: "é"}\n\nevent: caught-up\ndata:\n\nid: 8\nda';
  const bytes = new TextEncoder().encode(text);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      bytes.forEach((_byte, index) => controller.enqueue(bytes.slice(index, index + 1)));
      controller.close();
    },
  });

  const events = await Array.fromAsync(eventsOf(stream));

  expect(events).toEqual([
    { id: "", type: "message", data: "" },
    { id: "7", type: "habit.day_recorded.v1", data: '{"a":\n"é"}' },
    { id: "", type: "caught-up", data: "" },
  ]);
});
