// The browser's database: what is still to be sent, and what was seen.

import { openDB, type IDBPDatabase } from "idb";

let database: Promise<IDBPDatabase> | undefined;

export function openStore(): Promise<IDBPDatabase> {
  database ??= openDB("habits", 1, {
    upgrade(opened) {
      opened.createObjectStore("checkins", { keyPath: "key" });
      opened.createObjectStore("seen");
    },
  });
  return database;
}
