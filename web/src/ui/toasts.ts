// One short message at a time, with at most one thing to do about it.

import { ref } from "vue";

export interface Toast {
  text: string;
  action?: { label: string; run: () => void };
}

const SHOWN_MILLISECONDS = 10_000;

export const toast = ref<Toast | null>(null);

let timer: number | undefined;

export function show(next: Toast): void {
  toast.value = next;
  keepOpen();
  goLater();
}

export function dismiss(): void {
  keepOpen();
  toast.value = null;
}

// While somebody reads it, or is about to press.
export function keepOpen(): void {
  window.clearTimeout(timer);
}

export function goLater(): void {
  timer = window.setTimeout(dismiss, SHOWN_MILLISECONDS);
}
