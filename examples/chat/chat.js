// The page of the chat: one room, who is in it, and the way in. What page and server say to each other is written in
// messages.h. All that people wrote is shown as text.

import { $, make } from "/elements.js";
import { Lines, avatar } from "/lines.js";
import { Link } from "/link.js";

// What is remembered: in this browser, or in this tab. Where that is forbidden, it lasts as long as the page.
function memory(storage) {
  const here = new Map();
  return {
    get(key, fallback) {
      try {
        return JSON.parse(storage().getItem(`chat.${key}`)) ?? here.get(key) ?? fallback;
      } catch {
        return here.get(key) ?? fallback;
      }
    },
    set(key, value) {
      here.set(key, value);
      try {
        storage().setItem(`chat.${key}`, JSON.stringify(value));
      } catch {
        // Forbidden, or full.
      }
    },
  };
}
const browserMemory = memory(() => localStorage);
const tabMemory = memory(() => sessionStorage);

const lines = new Lines();
const people = new Map(); // By id.
let room = roomOf(location.pathname) ?? browserMemory.get("rooms", [])[0] ?? "lobby";
let name = tabMemory.get("name", null) ?? browserMemory.get("name", null) ?? "";
let limits = { name: 24, text: 2000 };
let me = null; // {id, name} while joined.

const link = new Link({ onState: showState, onReady: sendJoin, onMessage: receive });

// The name of a room as the server takes it.
function roomName(text) {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\s+/g, "-")
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[-_]+/, "")
    .slice(0, 32);
}

function roomOf(path) {
  const found = /^\/rooms\/([^/]+)$/.exec(path);
  return found ? roomName(decodeURIComponent(found[1])) || null : null;
}

function sendJoin() {
  link.send({ type: "join", name, key: tabMemory.get(`key.${room}`, "") });
}

function receive(message) {
  switch (message.type) {
    case "welcome":
      return enter(message);
    case "message":
      lines.message(message, isMine(message.from));
      return showStatsSoon();
    case "joined":
      people.set(message.id, message.name);
      showPeople();
      lines.notice([{ name: message.name }, " joined"], message.time);
      return showStatsSoon();
    case "left": {
      people.delete(message.id);
      showPeople();
      const how = { lost: " lost the connection", slow: " could not keep up and was dropped" };
      lines.notice([{ name: message.name }, how[message.why] ?? " left"], message.time);
      return showStatsSoon();
    }
    case "error":
      return refused(message);
  }
}

function isMine(id) {
  return tabMemory.get("ids", []).includes(id);
}

function enter({ you, key, people: here, history, limits: allowed }) {
  me = you;
  name = you.name;
  limits = allowed;
  tabMemory.set("name", name);
  browserMemory.set("name", name);
  tabMemory.set(`key.${room}`, key);
  tabMemory.set("ids", [...new Set([you.id, ...tabMemory.get("ids", [])])].slice(0, 50));
  browserMemory.set("rooms", [...new Set([room, ...browserMemory.get("rooms", [])])].slice(0, 6));
  people.clear();
  for (const each of here) people.set(each.id, each.name);
  lines.quietly(() => {
    for (const line of history) lines.message(line, isMine(line.from));
  });
  link.joined();
  showPeople();
  showRooms();
  if ($("welcome").open) {
    $("welcome").close();
    $("text").focus();
  }
  // What was on its way when the connection was lost and is not in the history was never said.
  for (const { reference, text } of lines.pending()) link.send({ type: "say", text, ref: reference });
  void showStats();
}

function refused({ code, text, ref }) {
  if (code === "slow_down" || code === "empty" || code === "too_long") {
    lines.fail(ref, text, say);
    return;
  }
  link.waiting();
  askName(text);
}

function say(text) {
  const reference = Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!me || !link.send({ type: "say", text, ref: reference })) return false;
  lines.promise(reference, text, me.name);
  return true;
}

// --- State and notices

function showState(state, { seconds, again, code, reason } = {}) {
  const words = {
    connected: "Connected",
    connecting: again ? "Reconnecting…" : "Connecting…",
    waiting: `Reconnecting in ${seconds} s`,
    offline: "Offline",
    stopped: "Disconnected",
  };
  $("state").dataset.state = state;
  document.body.dataset.state = state;
  // A countdown is for the eye; it would drown everything else in a screen reader.
  $("state").setAttribute("aria-live", state === "waiting" || state === "offline" ? "off" : "polite");
  $("state-text").textContent = words[state];
  if (state !== "connected") me = null;
  showComposer();
  if (state === "waiting") showNotice("The connection was lost. What you write waits here until it is back.", "Try now", () => link.retryNow());
  else if (state === "offline") showNotice("This device seems to be offline. The chat comes back by itself.", "Try now", () => link.retryNow());
  else if (state === "stopped") showStop(code, reason);
  else if (state === "connected") showNotice("");
}

function showStop(code, reason) {
  if (code === 1008 && reason === "no join") {
    askName("Choose a name to come in.");
    return showNotice("");
  }
  const stops = {
    4000: ["This room is open in another window or tab, with your name.", "Use it here"],
    1009: ["The server closed the connection: a message was too large.", "Connect again"],
  };
  const slow = ["This device could not keep up with the room and was disconnected.", "Come back"];
  const other = [`The server closed the connection (${code}${reason ? `, ${reason}` : ""}).`, "Connect again"];
  const [text, action] = code === 1008 && reason === "too slow" ? slow : (stops[code] ?? other);
  showNotice(text, action, () => link.resume());
}

function showNotice(text, action = "", act = null) {
  if ($("notice-text").textContent !== text) $("notice-text").textContent = text;
  $("notice").hidden = text === "";
  $("notice-action").hidden = action === "";
  $("notice-action").textContent = action;
  $("notice-action").onclick = act;
}

// --- People, rooms, the server

function showPeople() {
  const sorted = [...people].sort(([a, one], [b, two]) => (b === me?.id) - (a === me?.id) || one.localeCompare(two));
  $("people").replaceChildren(
    ...sorted.map(([id, who]) => {
      const item = make("li");
      item.append(avatar(who), make("bdi", "name", who));
      if (id === me?.id) {
        const change = make("button", "rename", "Change");
        change.type = "button";
        change.setAttribute("aria-label", "Change your name or room");
        change.addEventListener("click", () => askName());
        item.append(make("span", "you", "you"), change);
      }
      return item;
    }),
  );
  $("people-count").textContent = String(people.size);
}

function showRooms() {
  $("room-name").textContent = room;
  document.title = `#${room} – Tidewire chat`;
  $("text").placeholder = `Message #${room}`;
  const known = [...new Set([room, ...browserMemory.get("rooms", [])])].sort();
  $("rooms").replaceChildren(
    ...known.map((each) => {
      const item = make("li");
      const anchor = make("a", "", each);
      anchor.href = `/rooms/${each}`;
      if (each === room) anchor.setAttribute("aria-current", "page");
      anchor.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        goTo(each);
      });
      item.append(anchor);
      return item;
    }),
  );
}

function goTo(next, { push = true } = {}) {
  closeSide();
  if (next === room && me) return $("text").focus();
  if (next !== room) {
    room = next;
    lines.clear();
  }
  people.clear();
  if (push && location.pathname !== `/rooms/${room}`) history.pushState(null, "", `/rooms/${room}`);
  showRooms();
  showPeople();
  if (name) link.open(room);
  else askName();
}

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

async function showStats() {
  if (document.hidden || link.state !== "connected") return;
  try {
    const stats = await (await fetch("/stats", { signal: AbortSignal.timeout(5000) })).json();
    $("stat-open").textContent = stats.connections.open.toLocaleString();
    $("stat-rooms").textContent = stats.rooms.toLocaleString();
    $("stat-messages").textContent = stats.messages.toLocaleString();
    $("stat-uptime").textContent = duration(stats.uptime_seconds);
  } catch {
    // The state of the connection says what there is to say.
  }
}

// Something has happened that the counters count; many such things are shown as one.
let statsTimer = 0;
function showStatsSoon() {
  statsTimer ||= setTimeout(() => {
    statsTimer = 0;
    void showStats();
  }, 1000);
}

// --- The composer

const encoder = new TextEncoder();

function showComposer() {
  const field = $("text");
  const size = encoder.encode(field.value.trim()).length;
  const over = size > limits.text;
  $("send").disabled = !me || size === 0 || over;
  $("left-over").hidden = size < limits.text * 0.8;
  $("left-over").textContent = over ? `${(size - limits.text).toLocaleString()} too many` : `${(limits.text - size).toLocaleString()} left`;
  $("left-over").classList.toggle("over", over);
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

$("text").addEventListener("input", showComposer);
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit($("send").disabled ? undefined : $("send"));
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = $("text");
  const text = field.value.trim();
  if ($("send").disabled || !say(text)) return;
  field.value = "";
  showComposer();
  field.focus();
});

// --- The door, the side, and the link

function askName(why = "") {
  $("name").value = name;
  $("room").value = room;
  $("join-error").textContent = why;
  $("join-error").hidden = why === "";
  $("name").setAttribute("aria-invalid", String(why !== ""));
  if (!$("welcome").open) {
    closeSide();
    $("welcome").showModal();
  }
  $("name").focus();
  $("name").select();
}

$("welcome").addEventListener("cancel", (event) => {
  if (!me) event.preventDefault();
});
$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = $("name").value.trim();
  const next = roomName($("room").value);
  if (!wanted || !next) return askName(wanted ? "A room's name has letters, digits, - and _." : "Choose a name.");
  if (me && wanted === name && next === room) return $("welcome").close();
  name = wanted;
  me = null;
  goTo(next);
});

function openSide() {
  $("side").classList.add("open");
  $("shade").hidden = false;
  $("menu").setAttribute("aria-expanded", "true");
  $("main").inert = true;
  $("close-side").focus();
}

function closeSide() {
  if (!$("side").classList.contains("open")) return;
  $("side").classList.remove("open");
  $("shade").hidden = true;
  $("menu").setAttribute("aria-expanded", "false");
  $("main").inert = false;
  $("menu").focus();
}

$("menu").addEventListener("click", openSide);
$("close-side").addEventListener("click", closeSide);
$("shade").addEventListener("click", closeSide);
matchMedia("(max-width: 760px)").addEventListener("change", closeSide);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeSide();
});
$("switch").addEventListener("submit", (event) => {
  event.preventDefault();
  const next = roomName($("other-room").value);
  if (!next) return;
  $("other-room").value = "";
  goTo(next);
  $("text").focus();
});

let hintTimer = 0;
$("share").addEventListener("click", async () => {
  const address = `${location.origin}/rooms/${room}`;
  const usual = "Enter sends, Shift+Enter starts a new line";
  try {
    await navigator.clipboard.writeText(address);
    $("hint-text").textContent = "The link to this room is copied";
  } catch {
    $("hint-text").textContent = `The link to this room: ${address}`;
  }
  $("hint").classList.add("said");
  clearTimeout(hintTimer);
  hintTimer = setTimeout(() => {
    $("hint-text").textContent = usual;
    $("hint").classList.remove("said");
  }, 6000);
});

addEventListener("popstate", () => goTo(roomOf(location.pathname) ?? "lobby", { push: false }));
document.addEventListener("visibilitychange", () => void showStats());
setInterval(() => void showStats(), 5000);

history.replaceState(null, "", `/rooms/${room}`);
showRooms();
showPeople();
showComposer();
if (name) link.open(room);
else askName();
