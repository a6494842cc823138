// Exercises that answer. Their boxes are sealed by book/answers.py: each begins
// with bytes that know its lock, and only the lock opens it.
const hash = (text) => {
  let h = 2166136261;
  for (const letter of text) h = Math.imul(h ^ letter.charCodeAt(0), 16777619);
  for (const [shift, factor] of [[16, 0x85ebca6b], [13, 0xc2b2ae35], [16, 1]]) h = Math.imul(h ^ (h >>> shift), factor);
  return (h >>> 0).toString(16).padStart(8, "0");
};
const unseal = (box, lock) => {
  const at = (k) => hash(`${k}:${lock}`);
  if (!box.startsWith(at(0) + at(1))) return [];
  let text = "";
  for (let k = 16; k < box.length; k += 2) {
    const byte = parseInt(box.substr(k, 2), 16) ^ parseInt(at(k >> 3).substr(k & 7, 2), 16);
    text += `%${byte.toString(16).padStart(2, "0")}`;
  }
  return [JSON.parse(decodeURIComponent(text))];
};

// The value of an expression, or NaN.
const FUNCTIONS = { sqrt: Math.sqrt, log: Math.log, ln: Math.log, exp: Math.exp };
const evaluate = (text, letters = {}) => {
  const names = [...Object.keys(letters), ...Object.keys(FUNCTIONS), "pi"].sort((a, b) => b.length - a.length);
  const form = new RegExp(`\\s*([\\d.]+(?:[eE][+-]?\\d+)?|${names.join("|")}|[-+*/^()%])`, "y");
  const tokens = [];
  while (form.lastIndex < text.trimEnd().length) {
    const match = form.exec(text);
    if (!match) return NaN;
    tokens.push(match[1]);
  }
  const next = (...wanted) => wanted.includes(tokens[0]) && tokens.shift();
  const atom = () => {
    const token = tokens.shift() ?? "";
    if (token === "(") {
      const inside = sum();
      return next(")") ? inside : NaN;
    }
    if (token in letters) return letters[token];
    if (token in FUNCTIONS) return FUNCTIONS[token](atom());
    return token === "pi" ? Math.PI : /\d/.test(token) ? Number(token) : NaN;
  };
  const power = () => {
    let base = atom();
    while (next("%")) base /= 100;
    return next("^") ? base ** factor() : base;
  };
  const factor = () => (next("-") ? -factor() : next("+") ? factor() : power());
  const product = () => {
    let total = factor();
    for (;;) {
      if (next("*")) total *= factor();
      else if (next("/")) total /= factor();
      else if (/^[a-z(]/i.test(tokens[0] ?? "")) total *= power();
      else return total;
    }
  };
  const sum = () => {
    let total = product();
    for (let sign; (sign = next("+", "-"));) total += sign === "+" ? product() : -product();
    return total;
  };
  const total = sum();
  return tokens.length ? NaN : total;
};

// The numbers that a text can mean: a comma stands in a number, or behind one.
const plain = (text) => text.replace(/[−–]/g, "-").replace(/[×·⋅]/g, "*").replace(/\*\*/g, "^")
  .replace(/√/g, "sqrt").replace(/²/g, "^2").replace(/³/g, "^3").replace(/_/g, "");
const excess = (item) => item.split("(").length - item.split(")").length;
const split = (text) => plain(text.replace(/(\d)\s*[x×]\s*(?=\d)/g, "$1,").replace(/[[\]{}]/g, ","))
  .replace(/\s*([*/^+])\s*|\s+(-)\s+/g, "$1$2").split(/[\s,;]+/).map((item) => {
    while (excess(item) > 0 && item[0] === "(") item = item.slice(1);
    while (excess(item) < 0 && item.at(-1) === ")") item = item.slice(0, -1);
    return item;
  }).filter(Boolean).map((item) => evaluate(item));
const readings = (kind, names, text) => {
  if (kind === "list") return [split(text), split(text.replace(/(\d),(?=\d)/g, "$1."))];
  text = plain(text).replace(/[[{]/g, "(").replace(/[\]}]/g, ")").replace(/(\d)\s+(?=\d{3}(?!\d))/g, "$1");
  if (kind === "number") return [text.replace(/,(?=\d{3}(?!\d))/g, ""), text.replace(",", ".")].map((form) => [evaluate(form)]);
  return [[0, 1, 2].map((k) => evaluate(text, Object.fromEntries(names.map((name, i) => [name, Math.sqrt(3 + i + 10 * k)]))))];
};

const HOW = {
  number: "That can’t be read as a number: write it as 0.5, 1/2 or 5e-1.",
  list: "That can’t be read as numbers: write them as (3, 4) or 3, 4.",
  expression: "That can’t be read: use numbers, the letters above, + - * / ^ and brackets.",
  word: "Write a word.",
  choice: "Choose one.",
};
const CLOSE = "Close. Give one digit more.";
const NOT_YET = "Not yet, and none of the mistakes that we know. Try once more, line by line.";
const judge = ({ kind, names, salt, step, shift, boxes }, text) => {
  const find = (key) => boxes.flatMap((box) => unseal(box, `${salt}:${key}`));
  let found;
  if (kind === "word" || kind === "choice") {
    const word = kind === "word" ? text.toLowerCase().replace(/[^a-z0-9]/g, "") : text;
    found = word && find(encodeURIComponent(word));
  } else {
    const read = readings(kind, names, text).filter((values) => values.length && values.every(Number.isFinite));
    found = read.length && read.flatMap((values) => find(values.map((x) => Math.floor(x / step + shift)))
      .map(([reply, within, known]) => [reply, Math.max(...values.map((x, k) => Math.abs(x - known[k]))) / within]));
  }
  if (!found) return ["unread", HOW[kind]];
  const told = found.filter(([, far = 0]) => far <= 1).map(([reply]) => reply);
  if (told.includes("")) return ["right", "Right."];
  return ["wrong", told[0] ?? (found.some(([reply, far]) => !reply && far <= 5) ? CLOSE : NOT_YET)];
};

// What was answered is remembered, where the browser allows it.
const remember = (key, value) => {
  try { return value ? localStorage.setItem(key, value) : localStorage.getItem(key); } catch { return null; }
};
for (const form of globalThis.document?.querySelectorAll("form.answer") ?? []) {
  const field = JSON.parse(form.dataset.field), key = `answered ${field.salt}`;
  const say = (state, reply) => {
    form.dataset.state = state;
    form.querySelector("[role=status]").textContent = reply;
  };
  if (remember(key)) say("right", "Answered before.");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [state, reply] = judge(field, new FormData(form).get("answer") ?? "");
    say(state, reply);
    if (state === "right") remember(key, "yes");
  });
}
