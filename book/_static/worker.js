// The Python of a page: Pyodide, NumPy, the package and book/in_page.py.
let page;
const load = async (place, wheel) => {
  const base = `${place}python/`;
  const { loadPyodide } = await import(`${base}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: base, env: { HOME: "/home/pyodide", SCRATCHCNN_DATA: "/home/pyodide/data" } });
  await python.loadPackage("numpy", { messageCallback() {} });
  for (const name of [wheel, "book.zip"]) {
    const answer = await fetch(base + name);
    python.unpackArchive(await answer.arrayBuffer(), name.slice(-3) === "whl" ? "wheel" : "zip");
  }
  page = python.pyimport("in_page");
  page.silence();
  return true;
};
self.onmessage = async ({ data: { what, rest } }) => {
  const say = (text, svg) => self.postMessage({ text, svg });
  let done = false;
  try {
    done = await (what === "load" ? load(...rest) : page[what](say, ...rest));
  } catch (error) { say(String(error)); }
  self.postMessage({ done });
};
