// Sends each photo by itself, shows what is answered, and what the visitor says of it.
"use strict";

const page = document.querySelector("main");
const MOST_PHOTOS = Number(page.dataset.mostPhotos);
const MOST_BYTES = Number(page.dataset.mostBytes);
const AT_ONCE = 2; // photos on their way: one is sent while another is looked at
const TRIES = 4; // when asked to wait
const GONE = 404;
const PICTURE = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|hei[cf])$/i;

const form = document.getElementById("ask");
const trouble = document.getElementById("trouble");
const status_ = document.getElementById("status");
const answers = document.getElementById("answers");
const template = document.getElementById("answer");
const here = location.pathname.replace(/\/$/, "");
const queue = [];
let atWork = 0;

// What went wrong, in words that the server or this page wrote for people.
class Trouble extends Error {
  constructor(words, status = 0) {
    super(words);
    this.status = status;
  }
}

function say(element, words) {
  element.textContent = words;
  element.hidden = !words;
}

function pause(seconds) {
  return new Promise((done) => setTimeout(done, 1000 * seconds));
}

async function post(what, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  for (let attempt = 1; ; attempt++) {
    let answer;
    try {
      answer = await fetch(`${here}/${what}`, { method: "POST", body });
    } catch {
      throw new Trouble("The photo could not be sent. Check your connection, then try again.");
    }
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    if (answer.status === 429 && attempt < TRIES) {
      await pause(Number(answer.headers.get("Retry-After")) || 1);
      continue;
    }
    const words = [told.detail, told.hint].filter(Boolean).join(" ");
    throw new Trouble(words || "The page could not be reached. Try again in a moment.", answer.status);
  }
}

function closed(words) {
  form.hidden = true;
  for (const wrong of answers.querySelectorAll(".wrong, .again")) wrong.hidden = true;
  queue.length = 0;
  const message = document.createElement("p");
  message.className = "card error";
  message.role = "alert";
  message.textContent = `This link leads nowhere any more. ${words}`;
  form.after(message);
}

// Whether this browser can draw the file; phones take photos (HEIC) that many cannot.
function drawn(image, file) {
  return new Promise((done) => {
    image.addEventListener("load", () => done(true), { once: true });
    image.addEventListener("error", () => done(false), { once: true });
    image.src = URL.createObjectURL(file);
  });
}

class Answer {
  constructor(file) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find(".again button").addEventListener("click", () => this.askAgain());
    this.find("form").addEventListener("submit", (event) => this.correct(event));
    const image = this.find("img");
    image.alt = file.name;
    this.isDrawn = drawn(image, file);
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  askAgain() {
    this.element.className = "answer waiting";
    this.find(".label").textContent = "Looking …";
    say(this.find(".note"), "");
    this.find(".again").hidden = true;
    this.element.focus();
    enqueue([this]);
  }

  async ask() {
    const image = this.find("img");
    const isDrawn = await this.isDrawn;
    image.hidden = !isDrawn;
    try {
      const answer = await post("predict", { photo: this.file, ...(isDrawn ? {} : { picture: "yes" }) });
      if (answer.picture) {
        image.src = answer.picture;
        image.hidden = false;
      }
      this.show(answer);
    } catch (error) {
      this.fail(error);
    }
  }

  show(answer) {
    this.element.classList.remove("waiting");
    this.element.classList.toggle("none", answer.is_none);
    const label = answer.is_none ? page.dataset.none : answer.label;
    this.find(".label").textContent = label;
    say(this.find(".sure"), answer.is_none ? "" : `${answer.sure} (${answer.percent})`);
    this.note(answer);
    this.find(".unless").hidden = !answer.is_none;
    this.bars(answer.scores);
    this.offer(label);
    const sure = answer.is_none ? "" : `, ${answer.sure}, ${answer.percent}`;
    status_.textContent = `${this.file.name}: ${label}${sure}`;
  }

  note(answer) {
    const note = this.find(".note");
    say(note, answer.note);
    if (answer.is_none) {
      const name = document.createElement("b");
      name.dir = "auto";
      name.textContent = answer.most_like;
      note.prepend("Most like ", name, ". ");
    }
  }

  bars(scores) {
    for (const [at, row] of this.element.querySelectorAll(".bars li").entries()) {
      row.querySelector(".name").textContent = scores[at].name;
      row.querySelector(".figure").textContent = scores[at].percent;
      row.querySelector("rect").setAttribute("width", `${Math.max(100 * scores[at].share, 0.4)}%`);
    }
  }

  offer(label) {
    for (const option of this.element.querySelectorAll("option")) option.hidden = option.disabled = option.value === label;
  }

  fail(error) {
    this.element.className = "answer failed";
    this.find(".label").textContent = "No answer";
    say(this.find(".note"), `${this.file.name}: ${error.message}`);
    this.find(".again").hidden = error.status >= 400 && error.status < 429;
    status_.textContent = `${this.file.name}: ${error.message}`;
    if (error.status === GONE) closed(error.message);
  }

  async correct(event) {
    event.preventDefault();
    const button = this.find("form button");
    const words = this.find("form .error");
    button.disabled = true;
    say(words, "");
    try {
      await post("correct", { photo: this.file, right: this.find("select").value, agreed: "true" });
      this.find(".wrong").hidden = true;
      this.find(".thanks").hidden = false;
      this.find(".thanks").focus();
    } catch (error) {
      say(words, error.message);
      if (error.status === GONE) closed(error.message);
    } finally {
      button.disabled = false;
    }
  }
}

async function work() {
  if (atWork >= AT_ONCE) return;
  atWork += 1;
  while (queue.length) await queue.shift().ask();
  atWork -= 1;
}

function enqueue(added) {
  queue.push(...added);
  for (let worker = 0; worker < AT_ONCE; worker++) work();
}

function take(files) {
  const pictures = files.filter((file) => file.type.startsWith("image/") || PICTURE.test(file.name));
  const fitting = pictures.filter((file) => file.size <= MOST_BYTES);
  const taken = fitting.slice(0, MOST_PHOTOS);
  const words = [];
  if (pictures.length < files.length) words.push(`${count(files.length - pictures.length, "file is", "files are")} no picture.`);
  if (fitting.length < pictures.length) {
    words.push(`${count(pictures.length - fitting.length, "photo is", "photos are")} larger than ${MOST_BYTES / 1e6} MB.`);
  }
  if (taken.length < fitting.length) words.push(`At most ${MOST_PHOTOS} at once: these are the first ${MOST_PHOTOS}.`);
  say(trouble, words.join(" "));
  if (!taken.length) return;
  const added = taken.map((file) => new Answer(file));
  answers.prepend(...added.map((answer) => answer.element));
  enqueue(added);
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

document.querySelector("#choose input").multiple = true; // without this script the form sends one
for (const input of form.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same photo may be given again
  });
}
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length && !form.hidden) take(files);
});
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  form.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  if (!form.hidden) take([...event.dataTransfer.files]);
});
