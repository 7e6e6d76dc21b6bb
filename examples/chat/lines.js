// What was said in the room, and what is new of it.

import { $, make } from "/elements.js";

const mostLines = 500;
const together = 5 * 60_000; // Messages of one person that close upon each other stand together.
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

function initial(name) {
  const first = Intl.Segmenter ? [...new Intl.Segmenter().segment(name)][0]?.segment : [...name][0];
  return first?.toLocaleUpperCase() ?? "";
}

export function avatar(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  const element = make("span", `avatar hue-${hash % 8}`, initial(name));
  element.setAttribute("aria-hidden", "true");
  return element;
}

export class Lines {
  #list = $("lines");
  #log = $("log");
  #shown = new Set(); // Ids of messages.
  #pending = new Map(); // By reference: {text, element}.
  #day = "";
  #unread = 0;
  #sticky = true; // The end is in sight, and stays so.

  constructor() {
    this.#log.addEventListener("scroll", () => this.#atEnd() && this.#read());
    $("latest").addEventListener("click", () => {
      this.toEnd();
      $("text").focus();
    });
    document.addEventListener("visibilitychange", () => this.#atEnd() && this.#read());
    new ResizeObserver(() => this.#sticky && this.toEnd()).observe(this.#log);
  }

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
