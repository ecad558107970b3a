// Server-sent events (HTML standard, section 9.2) out of a stream that `fetch` opened: EventSource
// cannot send a token.

export interface LiveEvent {
  id: string;
  type: string;
  data: string;
}

export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    text = (text + value).replaceAll("\r\n", "\n");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield eventOf(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function eventOf(block: string): LiveEvent {
  const event: LiveEvent = { id: "", type: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "data") {
      event.data += event.data ? `\n${value}` : value;
    } else if (field === "event" || field === "id") {
      event[field === "event" ? "type" : "id"] = value ?? "";
    }
  }
  return event;
}
