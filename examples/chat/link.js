// The connection to a room, which comes back by itself.

const firstDelay = 500;
const longestDelay = 30_000;
const patience = 10_000; // For the server's answer.
const steadyAfter = 5_000; // A connection that lasted so long was a success.

// Keeps a room's connection: says what state it is in, hands on messages, and connects again after a delay that
// doubles with each failure, with jitter, so that a server that comes back is not met by everybody at once.
//
// It stops for good where trying again would only meet the same answer: the server closed for something that this page
// did (1002 to 1009), or another window took the place (4000). `resume` starts it again.
export class Link {
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
