// The page of the chat: a connection that comes back by itself, and the view of one room. What page and server say to
// each other is written in messages.h. All that people wrote is shown through textContent; nothing here makes HTML.

const $ = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// What is remembered: in this browser, or in this tab. Both may be forbidden; then nothing is.
function memory(storage) {
  return {
    get(key, fallback) {
      try {
        return JSON.parse(storage().getItem(`chat.${key}`)) ?? fallback;
      } catch {
        return fallback;
      }
    },
    set(key, value) {
      try {
        storage().setItem(`chat.${key}`, JSON.stringify(value));
      } catch {
        // Then it lasts as long as the page.
      }
    },
  };
}
const browserMemory = memory(() => localStorage);
const tabMemory = memory(() => sessionStorage);

// --- The connection -------------------------------------------------------------------------------------

const firstDelay = 500;
const longestDelay = 30_000;
const patience = 10_000; // For the server's answer.
const steadyAfter = 5_000; // A connection that lasted so long was a success.

// Keeps a room's connection: says what state it is in, hands on messages, and connects again after a delay that
// doubles with each failure, with jitter, so that a server that comes back is not met by everybody at once.
//
// It stops for good where trying again would only meet the same answer: the server closed for something that this page
// did (1002 to 1009), or another window took the place (4000). `resume` starts it again.
class Link {
  #socket = null;
  #timer = 0;
  #steady = 0;
  #failures = 0;
  #due = 0;
  #room = "";

  constructor({ onState, onReady, onMessage }) {
    this.onState = onState;
    this.onReady = onReady;
    this.onMessage = onMessage;
    this.state = "stopped";
    addEventListener("online", () => this.#hurry());
    addEventListener("offline", () => {
      if (this.#socket) this.#lost();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#hurry();
    });
  }

  open(room) {
    this.close();
    this.#room = room;
    this.#failures = 0;
    this.#connect();
  }

  // Leaves, without a word to the view.
  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#steady);
    const socket = this.#socket;
    this.#socket = null;
    this.state = "stopped";
    socket?.close(1000);
  }

  resume() {
    this.open(this.#room);
  }

  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  // The server has taken us in.
  joined() {
    clearTimeout(this.#timer);
    this.#steady = setTimeout(() => (this.#failures = 0), steadyAfter);
    this.#say("connected");
  }

  // The server waits for the person, who may take their time.
  waiting() {
    clearTimeout(this.#timer);
  }

  #say(state, detail = {}) {
    this.state = state;
    this.onState(state, detail);
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#say("connecting", { again: this.#failures > 0 });
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/rooms/${this.#room}`);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(), patience);
    socket.onopen = () => {
      if (socket === this.#socket) this.onReady();
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.onMessage(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      const final = code === 4000 || (code >= 1002 && code <= 1009 && code !== 1005 && code !== 1006);
      if (final) this.#stop(code, reason);
      else this.#lost();
    };
  }

  #stop(code, reason) {
    clearTimeout(this.#timer);
    clearTimeout(this.#steady);
    this.#socket = null;
    this.#say("stopped", { code, reason });
  }

  #lost() {
    clearTimeout(this.#steady);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    const ceiling = Math.min(longestDelay, firstDelay * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#due = Date.now() + ceiling / 2 + (Math.random() * ceiling) / 2;
    this.#count();
  }

  #count() {
    clearTimeout(this.#timer);
    const left = this.#due - Date.now();
    if (left <= 0) return this.#connect();
    const seconds = Math.ceil(left / 1000);
    // A browser that thinks it is offline may be wrong about this very server, so it goes on trying.
    this.#say(navigator.onLine ? "waiting" : "offline", { seconds });
    this.#timer = setTimeout(() => this.#count(), Math.min(left, left - (seconds - 1) * 1000 + 20));
  }

  #hurry() {
    if (this.state === "waiting" || this.state === "offline") this.#connect();
  }

  retryNow() {
    this.#hurry();
  }
}

// --- The room's lines ----------------------------------------------------------------------------------

const mostLines = 500;
const together = 5 * 60_000; // Messages of one person that close upon each other stand together.
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

function initial(name) {
  const first = Intl.Segmenter ? [...new Intl.Segmenter().segment(name)][0]?.segment : [...name][0];
  return first?.toLocaleUpperCase() ?? "";
}

function avatar(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  const element = make("span", `avatar hue-${hash % 8}`, initial(name));
  element.setAttribute("aria-hidden", "true");
  return element;
}

class Lines {
  #list = $("lines");
  #log = $("log");
  #shown = new Set(); // Ids of messages.
  #pending = new Map(); // By reference: {text, element}.
  #day = "";
  #unread = 0;

  constructor() {
    this.#log.addEventListener("scroll", () => this.#atEnd() && this.#read());
    $("latest").addEventListener("click", () => {
      this.toEnd();
      $("text").focus();
    });
    document.addEventListener("visibilitychange", () => this.#atEnd() && this.#read());
    new ResizeObserver(() => this.#sticky && this.toEnd()).observe(this.#log);
  }

  #sticky = true;

  clear() {
    this.#list.replaceChildren();
    this.#shown.clear();
    this.#pending.clear();
    this.#day = "";
    this.#sticky = true;
    this.#read();
    $("empty").hidden = false;
  }

  // What is sent and has not come back, the oldest first.
  pending() {
    return [...this.#pending].map(([reference, { text }]) => ({ reference, text }));
  }

  // Screen readers are told what is new, not what was said before.
  quietly(action) {
    this.#log.setAttribute("aria-busy", "true");
    action();
    this.#log.setAttribute("aria-busy", "false");
  }

  message(line, own) {
    if (this.#shown.has(line.id)) return false;
    this.#shown.add(line.id);
    if (own && line.ref) this.settle(line.ref);
    this.#append(this.#bubble(line, own), own, line.time);
    return true;
  }

  promise(reference, text, name) {
    const element = this.#bubble({ from: "me", name, text, time: Date.now() }, true);
    element.classList.add("pending");
    this.#pending.set(reference, { text, element });
    this.#append(element, true, Date.now());
  }

  settle(reference) {
    const waiting = this.#pending.get(reference);
    if (!waiting) return;
    this.#pending.delete(reference);
    waiting.element.remove();
    this.#regroup();
  }

  fail(reference, why, again) {
    const waiting = this.#pending.get(reference);
    if (!waiting) return;
    this.#pending.delete(reference);
    const { element, text } = waiting;
    element.classList.replace("pending", "failed");
    const failure = make("div", "failure", why);
    const button = make("button", "", "Try again");
    button.type = "button";
    button.addEventListener("click", () => {
      if (!again(text)) return;
      element.remove();
      this.#regroup();
    });
    failure.append(button);
    element.querySelector(".body").append(failure);
    if (this.#sticky) this.toEnd();
  }

  notice(parts, time) {
    const element = make("li", "notice-line");
    for (const part of parts) element.append(part.name === undefined ? part : make("bdi", "", part.name));
    element.title = exactly.format(time);
    this.#append(element, false, time, false);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#sticky = true;
    this.#read();
  }

  #bubble(line, own) {
    const element = make("li", own ? "line own" : "line");
    element.dataset.from = own ? "me" : String(line.from);
    element.dataset.time = String(line.time);
    const who = make("div", "who");
    const time = make("time", "", clock.format(line.time));
    time.dateTime = new Date(line.time).toISOString();
    time.title = exactly.format(line.time);
    who.append(make("bdi", "", line.name), time);
    const body = make("div", "body");
    body.append(who, make("div", "bubble", line.text));
    element.append(avatar(line.name), body);
    return element;
  }

  #append(element, own, time, counts = true) {
    const stay = !own && !this.#atEnd();
    const day = new Date(time).toDateString();
    if (day !== this.#day) {
      if (this.#day || day !== new Date().toDateString()) this.#list.append(make("li", "day", calendar.format(time)));
      this.#day = day;
    }
    // What waits for its echo stays last: it will be said after what has been said.
    const waiting = element.classList.contains("pending") ? null : this.#list.querySelector(".pending");
    this.#list.insertBefore(element, waiting);
    while (this.#list.children.length > mostLines) this.#list.firstElementChild.remove();
    this.#regroup();
    $("empty").hidden = true;
    if (counts && !own && (stay || document.hidden)) this.#unread += 1;
    if (stay) this.#showUnread();
    else this.toEndUnlessHidden();
  }

  toEndUnlessHidden() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#sticky = true;
    if (document.hidden) this.#showUnread();
    else this.#read();
  }

  // Which lines go on from the one before, near the end, where lines come and go.
  #regroup() {
    const lines = [...this.#list.children].slice(-60);
    lines.forEach((line, at) => {
      const before = lines[at - 1];
      const goesOn =
        before?.dataset.from !== undefined &&
        before.dataset.from === line.dataset.from &&
        line.dataset.time - before.dataset.time < together;
      if (at > 0 || lines.length < 60) line.classList.toggle("more", goesOn);
      before?.classList.toggle("followed", goesOn);
      line.classList.remove("followed");
    });
  }

  #atEnd() {
    const log = this.#log;
    this.#sticky = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    return this.#sticky;
  }

  #read() {
    if (document.hidden && this.#unread > 0) return;
    this.#unread = 0;
    this.#showUnread();
  }

  #showUnread() {
    const some = this.#unread > 0;
    $("latest").hidden = this.#sticky || !some;
    $("latest-text").textContent = this.#unread === 1 ? "1 new message" : `${this.#unread} new messages`;
    const title = `#${$("room-name").textContent} – Tidewire chat`;
    document.title = some ? `(${this.#unread}) ${title}` : title;
  }
}

// --- The page --------------------------------------------------------------------------------------------

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
      return;
    case "joined":
      people.set(message.id, message.name);
      showPeople();
      lines.notice([{ name: message.name }, " joined"], message.time);
      return;
    case "left": {
      people.delete(message.id);
      showPeople();
      const how = { lost: " lost the connection", slow: " could not keep up and was dropped" };
      lines.notice([{ name: message.name }, how[message.why] ?? " left"], message.time);
      return;
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
  $("close-side").focus();
}

function closeSide() {
  if (!$("side").classList.contains("open")) return;
  $("side").classList.remove("open");
  $("shade").hidden = true;
  $("menu").setAttribute("aria-expanded", "false");
  $("menu").focus();
}

$("menu").addEventListener("click", openSide);
$("close-side").addEventListener("click", closeSide);
$("shade").addEventListener("click", closeSide);
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
