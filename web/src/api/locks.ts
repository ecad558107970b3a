// One at a time, over all tabs of this browser.

export function onlyOne<T>(name: string, job: () => Promise<T>): Promise<T> {
  return navigator.locks.request(name, job) as Promise<T>;
}
