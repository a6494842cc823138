// The Python of a page, beside it: Pyodide, NumPy, the package and in_page.py.
const load = async ({ place, wheel, pyodide }, say) => {
  const { loadPyodide } = await import(`${place}python/pyodide.mjs`);
  const python = await loadPyodide({ indexURL: `${place}python/`, env: { SCRATCHCNN_DATA: "/home/pyodide/data", HOME: "/home/pyodide" } });
  say(`Pyodide ${pyodide} has started.\n`);
  await python.loadPackage("numpy", { messageCallback() {} });
  for (const [name, format] of [[wheel, "wheel"], ["book.zip", "zip"]]) {
    const answer = await fetch(`${place}python/${name}`);
    if (!answer.ok) throw new Error(`${name} is not there.`);
    python.unpackArchive(await answer.arrayBuffer(), format);
  }
  const page = python.pyimport("in_page");
  page.silence();
  return page;
};

let page;
self.onmessage = async ({ data: { id, what, rest } }) => {
  const say = (text) => self.postMessage({ id, text });
  try {
    if (what === "load") page = await load(...rest, say);
    self.postMessage({ id, done: what === "load" || Boolean(page[what](...rest, say)) });
  } catch (error) {
    say(`${error.message ?? error}\n`);
    self.postMessage({ id, done: false });
  }
};
