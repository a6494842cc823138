// Code that runs in the page; its buttons are from book/_ext/running.py. Python
// starts at the first click, in a worker, and comes from beside the pages.
const here = document.currentScript.dataset;
const program = JSON.parse(document.querySelector("#program").textContent);
const page = document.documentElement.classList;

// What the reader has written is kept, where the browser allows it.
const STORE = `edited ${location.pathname}`;
let edited = {};
try { edited = JSON.parse(localStorage.getItem(STORE)) ?? {}; } catch { /* so be it */ }
const isEdited = ({ id }) => edited[id] !== undefined;
const textOf = ({ id, source }) => edited[id] ?? source;
const write = ({ id, source }, text) => {
  edited[id] = text === source ? undefined : text;
  try { localStorage.setItem(STORE, JSON.stringify(edited)); } catch { /* so be it */ }
};

// The worker, what it is asked, and the text of each item that it has run.
let worker, call, ran;
const ask = (say, what, ...rest) => new Promise((answer) => {
  call = { say, answer };
  worker.postMessage({ what, rest });
});
const stop = (why) => {
  worker.terminate();
  worker = undefined;
  call.say(why);
  call.answer(false);
};
const start = (say) => {
  ran = new Map();
  const place = new URL(here.place, location).href;
  worker = new Worker(`${place}worker.js`, { type: "module" });
  worker.onerror = () => stop("Python can’t be started here.");
  worker.onmessage = ({ data: { text, svg, done } }) => (text === undefined ? call.answer(done) : call.say(text, svg));
  say(here.loading);
  return ask(say, "load", place, here.wheel);
};

// Claims may fail: they speak of all images, and not of an excerpt.
const perform = async (item, say) => {
  const text = textOf(item), { id, module, piece, claims } = item;
  const well = await (module ? ask(say, "patch", module, piece, text) : ask(say, "run", id.replace("-", " "), text, isEdited(item) ? "" : item.alt)) || claims;
  if (well) ran.set(id, text);
  else ran.delete(id);
  return well && worker;
};
// Before a cell come those above it, and listings that are not as they were.
const prepare = async (item, say, show) => {
  const mine = program.indexOf(item);
  for (const [k, before] of program.entries()) {
    const text = textOf(before), since = ran.get(before.id);
    const due = before.module ? (since ?? before.source) !== text && (k < mine || since) : !item.module && k < mine && since !== text;
    if (!due || before.chapter || before === item) continue;
    show(`First runs: ${before.piece ?? text.trim().split("\n")[0]}`);
    let said = "Before this, something else stops.\n";
    if (!await perform(before, (more) => { said += more; })) return say(said);
  }
  show("Runs");
  return true;
};
const judged = async (item, say, show) => {
  show("The doctor looks at it");
  return item.module ? ask(say, "judge", item.module, item.piece) : ask(say, "check", item.chapter, textOf(item));
};

for (const tools of document.querySelectorAll(".run-tools")) {
  const item = program.find(({ id }) => id === tools.dataset.item);
  const [editor, go, edit, reset, halt, box] = tools.children, [status, output, drawn] = box.children;
  const say = (text, svg) => { output.append(text); if (svg) drawn.innerHTML = svg; }, show = (text) => { status.textContent = text; };
  const open = (on) => {
    tools.classList.toggle("edited", on);
    editor.value = textOf(item);
  };
  const run = async () => {
    box.hidden = false;
    output.textContent = drawn.textContent = "";
    output.tabIndex = 0;
    if (location.protocol === "file:") return say(here.file);
    if (page.contains("running")) return;
    page.add("running");
    tools.classList.add("runs");
    show("Starts");
    let well = worker || await start(say);
    if (well) output.textContent = "";
    if (!item.chapter) well &&= await prepare(item, say, show) && await perform(item, say);
    if (!("shown" in item)) well &&= await judged(item, say, show);
    show(!well ? "Stopped" : output.textContent || drawn.firstChild ? "Done" : "Done, without output");
    page.remove("running");
    tools.classList.remove("runs");
  };
  go.onclick = run;
  edit.onclick = () => { open(true); editor.setSelectionRange(0, 0); editor.focus(); };
  reset.onclick = () => { write(item, item.source); open(false); box.hidden = true; edit.focus(); };
  halt.onclick = () => stop("Stopped. The next run starts Python anew.");
  editor.oninput = () => write(item, editor.value);
  editor.onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(); };
  open(isEdited(item));
}

// The code of the whole page, to take away; what is no cell, as comments.
const pieces = () => program.filter((item) => "shown" in item || isEdited(item))
  .map((item) => ("shown" in item ? textOf(item) : `${item.piece ?? item.chapter}\n${textOf(item)}`.replace(/^/gm, "# ")));
const notebook = () => ({ cells: pieces().map((source) => ({ cell_type: "code", execution_count: null, metadata: {}, outputs: [], source })), metadata: {}, nbformat: 4, nbformat_minor: 4 });
const save = (kind, text) => {
  const href = URL.createObjectURL(new Blob([text]));
  Object.assign(document.createElement("a"), { href, download: location.pathname.split("/").pop().replace("html", kind) }).click();
};
const [py, ipynb, all_] = document.querySelectorAll(".run-page button");
py.onclick = () => save("py", pieces().map((text) => `# %%\n${text}\n`).join("\n"));
ipynb.onclick = () => save("ipynb", JSON.stringify(notebook()));
all_.onclick = () => document.querySelectorAll(".edited .run-reset").forEach((reset) => reset.click());
