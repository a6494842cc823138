// Code that runs in the page: cells, listings, files of the workbook. Python starts
// at the first click, in a worker, and comes from beside the pages.
const here = document.currentScript.dataset;
const program = JSON.parse(document.querySelector("#program").textContent);
const STORE = `edited ${location.pathname}`;
const make = (tag, parent, content) => {
  const element = Object.assign(document.createElement(tag), content);
  parent.append(element);
  return element;
};

// What the reader has written is kept, where the browser allows it.
let edited = {};
try { edited = JSON.parse(localStorage.getItem(STORE)) ?? {}; } catch { /* so be it */ }
const textOf = (item) => edited[item.id] ?? item.source;
const write = (item, text) => {
  if (text === item.source) delete edited[item.id];
  else edited[item.id] = text;
  try { localStorage.setItem(STORE, JSON.stringify(edited)); } catch { /* so be it */ }
};

// The worker, what it has been asked, and which text of which item it has run.
let worker, calls, ran;
const ask = (what, rest, say) => new Promise((answer) => {
  const id = calls.push({ say, answer }) - 1;
  worker.postMessage({ id, what, rest });
});
const stop = (why) => {
  worker?.terminate();
  worker = undefined;
  for (const call of calls ?? []) { call?.say?.(why ?? ""); call?.answer(false); }
  calls = [];
};
const start = async (say) => {
  calls = [];
  ran = new Map();
  const place = new URL(here.place, location).href;
  worker = new Worker(`${place}worker.js`, { type: "module" });
  worker.onerror = () => stop("Python could not be started here.\n");
  worker.onmessage = ({ data: { id, text, done } }) => {
    const call = calls[id];
    if (text !== undefined) return call?.say?.(text);
    delete calls[id];
    call?.answer(done);
  };
  say(`Loading Python, NumPy, this book's package and some images, ${here.megabytes} MB, from beside this page.\n`);
  return await ask("load", [{ ...here, place }], say) || stop();
};

// One item, a cell or a listing. Claims may fail: they speak of all images, and
// not of an excerpt. What else fails has not run.
const perform = async (item, say) => {
  const text = textOf(item);
  const well = await (item.module ? ask("patch", [item.module, item.piece, text], say)
    : ask("run", [item.id.replace("-", " "), text], say));
  if (well || item.claims) ran.set(item.id, text);
  else ran.delete(item.id);
  return well || item.claims;
};
// What stands before it, and has not run as it is now.
const prepare = async (item, say, show) => {
  for (const before of item.chapter || item.module ? [] : program.slice(0, program.indexOf(item))) {
    const text = textOf(before), since = ran.get(before.id);
    if (before.chapter || since === text || (before.module && !since && text === before.source)) continue;
    show(`Running what stands before: ${before.piece ?? before.source.trim().split("\n")[0]}`);
    let said = "";
    const well = await perform(before, (more) => { said += more; });
    if (!worker) return false;
    if (!well) {
      say(`Before this cell, another one stops.\n${said}`);
      return false;
    }
  }
  show("Running");
  return true;
};
let busy = false;
const run = async (item, view) => {
  if (busy) return;
  const { output, status, say } = view;
  output.textContent = "";
  output.tabIndex = 0;
  view.ran.hidden = false;
  if (location.protocol === "file:") {
    say("A page that is opened as a file can run no Python. In the folder of index.html, type\n\n    python -m http.server\n\nand open http://localhost:8000.");
    return;
  }
  busy = true;
  document.documentElement.classList.add("running");
  view.box.classList.add("runs");
  const show = (text) => { status.textContent = text; };
  show("Starting");
  let well = worker || await start(say);
  if (well) output.textContent = "";
  if (well && item.chapter) {
    show("The doctor looks at it");
    well = await ask("check", [item.chapter, textOf(item)], say);
  } else if (well) {
    well = await prepare(item, say, show) && await perform(item, say);
    if (well && item.module) {
      show("The doctor looks at it");
      well = await ask("judge", [item.module, item.piece], say);
    }
  }
  show(!well ? "Stopped" : output.textContent ? "Done" : "Done, without output");
  document.documentElement.classList.remove("running");
  view.box.classList.remove("runs");
  busy = false;
};

// The buttons below an item, its editor, and the place of what it says.
const views = [];
const build = (item) => {
  const box = document.getElementById(item.id);
  if (!box || item.shown === false || item.lacks) return;
  const printed = item.chapter ? undefined : box.querySelector(":scope > .cell_input, :scope > [class*=highlight-]");
  const tools = document.createElement("div");
  tools.className = "run-tools";
  const button = (text, click) => make("button", tools, { type: "button", textContent: text, onclick: click });
  const name = item.piece ?? item.chapter ?? "this cell";
  const editor = make("textarea", tools, { spellcheck: false, className: "run-editor", ariaLabel: `Python code of ${name}` });
  const view = { box, say: (text) => view.output.append(text), reset: () => reset.click() };
  const size = () => { editor.rows = editor.value.split("\n").length; };
  const open = (focus) => {
    editor.value = textOf(item);
    size();
    editor.hidden = false;
    printed?.setAttribute("hidden", "");
    edit.hidden = true;
    runs.hidden = reset.hidden = false;
    if (focus) editor.focus();
  };
  const close = () => {
    editor.hidden = true;
    printed?.removeAttribute("hidden");
    edit.hidden = false;
    reset.hidden = true;
    runs.hidden = Boolean(item.module || item.chapter);
  };
  const runs = button(item.chapter ? "Check" : "Run", () => run(item, view));
  const edit = button(item.chapter ? "Write it here" : "Edit", () => open(true));
  const reset = button("Reset", () => {
    write(item, item.source);
    if (item.module && worker && ran.has(item.id)) perform(item);
    view.ran.hidden = true;
    close();
    edit.focus();
  });
  const halt = button("Stop", () => stop("Stopped. The next run starts Python anew.\n"));
  halt.className = "run-stop";
  for (const one of [runs, edit, reset, halt]) one.setAttribute("aria-label", `${one.textContent}: ${name}`);
  editor.addEventListener("input", () => { size(); write(item, editor.value); });
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(item, view); }
  });
  view.ran = make("div", tools, { className: "ran", hidden: true });
  view.status = make("p", view.ran, {});
  view.status.setAttribute("role", "status");
  view.output = make("pre", view.ran, {});
  view.output.setAttribute("aria-live", "polite");
  if (printed) printed.after(editor, tools);
  else {
    make("p", box, { className: "run-note", textContent: `${item.chapter}.py, the workbook’s file, with gaps where the work is:` });
    box.append(editor, tools);
  }
  if (item.id in edited) open(); else close();
  views.push(view);
};
program.forEach(build);

// From the first cell on that needs what a page has not, none runs.
const without = program.find((item) => item.lacks && item.shown);
if (without) {
  const note = make("p", document.body, { className: "run-note", textContent: `From here on, cells need ${without.lacks}, which a page has not.` });
  document.getElementById(without.id).before(note);
}

// The code of the whole page, to take away.
const save = (name, text) => {
  const link = make("a", document.body, { href: URL.createObjectURL(new Blob([text])), download: name });
  link.click();
  link.remove();
};
const changed = () => program.filter((item) => item.id in edited && !("shown" in item))
  .map((item) => `# ${item.module ?? "workbook"}: ${item.piece ?? item.chapter}\n${textOf(item)}`.replace(/^/gm, "# "));
const pieces = () => [...changed(), ...program.filter((item) => "shown" in item).map(textOf)];
if (views.length) {
  const stem = location.pathname.split("/").pop().replace(".html", "");
  const bar = make("p", document.querySelector("article"), { className: "run-tools run-page", textContent: "The code of this page, as you have changed it: " });
  const button = (text, click) => make("button", bar, { type: "button", textContent: text, onclick: click });
  button("Save as .py", () => save(`${stem}.py`, pieces().map((text) => `# %%\n${text}\n`).join("\n")));
  button("Save as .ipynb", () => save(`${stem}.ipynb`, JSON.stringify({
    cells: pieces().map((text) => ({ cell_type: "code", execution_count: null, metadata: {}, outputs: [], source: text })),
    metadata: {}, nbformat: 4, nbformat_minor: 4,
  })));
  button("Reset all", () => views.forEach((view) => view.reset()));
}
