// One at a time, over all tabs of this browser.

export function onlyOne<T>(name: string, job: () => Promise<T>): Promise<T> {
  // A page that came over plain HTTP from another machine has no locks, and few tabs.
  return "locks" in navigator ? (navigator.locks.request(name, job) as Promise<T>) : job();
}
