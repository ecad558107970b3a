// Shows the chats and lets one be a person in them. Whatever people or the bot wrote goes into the
// page as text nodes only, never as markup.
"use strict";

const WAIT_SECONDS = 25;
const PAUSE_BETWEEN_REFRESHES_MS = 250;
const PAUSE_AFTER_FAILURE_MS = 1500;
const PASTED_LINK = /^https?:\/\/t\.me\/\w+\?start=([\w-]+)$/;

const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const seen = { version: null, overview: null, chatId: null, shown: "" };

async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  };
  const response = await fetch(`/control/${path}`, options);
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(Object.values(answer.errors ?? {}).flat().join(" ") || answer.detail);
  }
  return answer;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Runs what somebody asked for and shows why it could not be done.
async function attempt(action) {
  const error = byId("error");
  error.hidden = true;
  try {
    await action();
  } catch (failure) {
    error.textContent = failure.message;
    error.hidden = false;
  }
}

function avatarTone(chatId) {
  return `avatar tone-${Math.abs(chatId) % 6}`;
}

function timeOf(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

function chatEntry(chat) {
  const entry = element("button", "chat");
  entry.type = "button";
  if (chat.chat_id === seen.chatId) entry.setAttribute("aria-current", "true");
  const line = element("span", "chat-line");
  line.append(element("strong", "", chat.name));
  if (chat.migrated_to !== null) line.append(element("span", "badge", "moved"));
  else if (chat.standing !== "open") line.append(element("span", "badge", chat.standing));
  else if (chat.last_message) line.append(element("span", "quiet", timeOf(chat.last_message.sent_at_seconds)));
  const last = chat.last_message;
  const said = last ? `${last.author === "bot" ? "Bot: " : ""}${last.text}` : "nothing said yet";
  const words = element("div");
  words.append(line, element("span", "chat-last", said));
  entry.append(element("span", avatarTone(chat.chat_id), [...chat.name][0]), words);
  entry.addEventListener("click", () => choose(chat.chat_id));
  return entry;
}

function showChats({ bot, chats, chat_count: count }) {
  byId("bot-name").textContent = bot.first_name;
  byId("bot-name").title = `@${bot.username}`;
  const list = byId("chats");
  list.replaceChildren(...chats.map(chatEntry));
  if (count === 0) list.append(element("p", "quiet", "No chats yet."));
  if (count > chats.length) list.append(element("p", "quiet", `and ${count - chats.length} older ones`));
}

function keyboard(message) {
  const rows = element("div", "keyboard");
  for (const buttons of message.buttons) {
    const row = element("div", "row");
    row.append(...buttons.map((button) => keyboardButton(message, button)));
    rows.append(row);
  }
  return rows;
}

function keyboardButton(message, button) {
  if (button.url !== undefined) {
    const link = element("a", "", `${button.text} ↗`);
    if (/^https?:/.test(button.url)) link.href = button.url;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  }
  const made = element("button", "", button.text);
  made.type = "button";
  made.title = button.callback_data;
  made.addEventListener("click", () => attempt(() => ask(`chats/${message.chat_id}/press`, {
    callback_data: button.callback_data,
    message_id: message.message_id,
  })));
  return made;
}

function messageEntry(message) {
  if (message.author === "notice") return element("div", "notice", message.text);
  const entry = element("article", `message ${message.author}-said`);
  const bubble = element("div", "bubble");
  const marks = [timeOf(message.sent_at_seconds)];
  if (message.edited_at_seconds !== null) marks.unshift("edited");
  if (message.parse_mode !== null) marks.unshift(`parse_mode ${message.parse_mode}`);
  bubble.append(element("div", "text", message.text), element("div", "meta", marks.join(" · ")));
  entry.append(bubble);
  if (message.buttons.length > 0) entry.append(keyboard(message));
  return entry;
}

function withDays(messages) {
  const entries = [];
  let day = "";
  for (const message of messages) {
    const own = new Date(message.sent_at_seconds * 1000).toLocaleDateString([], { dateStyle: "long" });
    if (own !== day) entries.push(element("div", "day", own));
    day = own;
    entries.push(messageEntry(message));
  }
  return entries;
}

function closedReason(chat) {
  if (chat.migrated_to !== null) return `This chat has moved to ${chat.migrated_to}.`;
  if (chat.standing === "blocked") return "This person has blocked the bot. Unblock it to write again.";
  if (chat.standing === "deactivated") return "This account is deactivated.";
  return "";
}

function showConversation(chat, messages) {
  byId("welcome").hidden = true;
  byId("conversation").hidden = false;
  byId("chat-name").textContent = chat.name;
  byId("chat-kind").textContent = chat.type;
  byId("chat-id").textContent = chat.chat_id;
  byId("chat-avatar").textContent = [...chat.name][0];
  byId("chat-avatar").className = avatarTone(chat.chat_id);
  byId("block").textContent = chat.standing === "open" ? "Block the bot" : "Unblock the bot";
  byId("block").hidden = chat.migrated_to !== null;
  byId("block").onclick = () => attempt(() =>
    ask(`chats/${chat.chat_id}/${chat.standing === "open" ? "block" : "unblock"}`, {}));
  byId("closed").textContent = closedReason(chat);
  byId("closed").hidden = closedReason(chat) === "";
  byId("say-form").hidden = closedReason(chat) !== "";
  const shown = JSON.stringify(messages);
  if (shown === seen.shown) return;
  seen.shown = shown;
  byId("messages").replaceChildren(...withDays(messages));
  byId("messages").scrollTop = byId("messages").scrollHeight;
}

function showSuggestions(commands) {
  byId("suggestions").replaceChildren(...commands.map(({ command, description }) => {
    const made = element("button", "", `/${command}`);
    made.type = "button";
    made.title = description;
    made.addEventListener("click", () => {
      byId("say-text").value = `/${command} `;
      byId("say-text").focus();
    });
    return made;
  }));
}

async function showChosen() {
  const wanted = seen.chatId;
  if (wanted === null || !seen.overview) return;
  try {
    const { chat, messages, commands } = await ask(`chats/${wanted}/messages`);
    if (wanted !== seen.chatId) return;
    showSuggestions(commands);
    showConversation(chat, messages);
  } catch {
    seen.chatId = null;
    byId("welcome").hidden = false;
    byId("conversation").hidden = true;
  }
}

async function choose(chatId) {
  seen.chatId = chatId;
  seen.shown = "";
  history.replaceState(null, "", `#${chatId}`);
  if (seen.overview) showChats(seen.overview);
  await showChosen();
  byId("say-text").focus();
}

function showLive(isLive) {
  byId("live").textContent = isLive ? "live" : "not answering";
  byId("live").className = `live ${isLive ? "on" : "off"}`;
}

async function followChanges() {
  for (;;) {
    try {
      const wait = seen.version === null ? "" : `?known_version=${seen.version}&wait_seconds=${WAIT_SECONDS}`;
      seen.overview = await ask(`chats${wait}`);
      seen.version = seen.overview.version;
      showLive(true);
      showChats(seen.overview);
      await showChosen();
      await pause(PAUSE_BETWEEN_REFRESHES_MS);
    } catch {
      // The simulator may come back with other versions, so ask for everything anew.
      seen.version = null;
      showLive(false);
      await pause(PAUSE_AFTER_FAILURE_MS);
    }
  }
}

async function openChat(form) {
  const [id, name] = [byId("open-id").value.trim(), byId("open-name").value.trim()];
  const known = seen.overview?.chats.find((chat) => String(chat.chat_id) === id);
  const chat = known ?? await ask("chats", { ...(id && { chat_id: id }), ...(name && { name }) });
  form.reset();
  await choose(chat.chat_id);
}

async function say() {
  const written = byId("say-text").value.trim();
  if (written === "" || seen.chatId === null) return;
  const pasted = written.match(PASTED_LINK);
  await ask(`chats/${seen.chatId}/messages`, { text: pasted ? `/start ${pasted[1]}` : written });
  byId("say-text").value = "";
}

byId("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => openChat(event.target));
});
byId("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(say);
});
byId("say-text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  attempt(say);
});
byId("chat-id").addEventListener("click", () => attempt(() =>
  navigator.clipboard.writeText(byId("chat-id").textContent)));

if (/^#-?\d+$/.test(location.hash)) seen.chatId = Number(location.hash.slice(1));
followChanges();
