// What a browser calls itself, in as few words as a person needs to know it again.

const BROWSERS = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]] as const;
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]] as const;

export function programOf(userAgent: string | null): string | null {
  if (!userAgent) {
    return null;
  }
  const words = [BROWSERS, SYSTEMS].flatMap((names) => names.find(([sign]) => userAgent.includes(sign))?.[1] ?? []);
  return words.length ? words.join(", ") : userAgent.slice(0, 40);
}
