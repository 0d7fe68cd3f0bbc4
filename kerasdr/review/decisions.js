// What the reader decided, and where it is kept: by reader, so that nobody is led by another's decisions, and by the digest of
// the CSV, so that decisions about one job are never taken for those about another.

const FORMULA = /^[\s\p{C}'=+\-@\uff1d\uff0b\uff0d\uff20]/u;
const COLUMNS = ["image", "sha256", "machine_grade", "decision", "note", "reader", "decided_at", "job"];

let reader = "";
let decisions = {};
let exported = true;

const keptUnder = () => `kerasdr-review:${DATA.job}:${reader}`;

// A browser may refuse to keep anything for a page that is a file: then an exception comes of the mere word localStorage.
const recall = (store, key) => {
  try { return window[store].getItem(key); } catch { return null; }
};
const keep = (store, key, value) => {
  try { window[store].setItem(key, value); return true; } catch { return false; }
};

const recallDecisions = () => {
  try { return JSON.parse(recall("localStorage", keptUnder())) || {}; } catch { return {}; }
};

const tellUnkept = () => {
  at("unkept").hidden = false;
  at("unkept").textContent = "This browser keeps nothing for this page: what you decide is lost when the page is closed. "
    + "Export your decisions before that.";
};

const decisionOf = (eye) => decisions[eye.key] || { decision: "", note: "" };
const isDecided = (eye) => decisionOf(eye).decision !== "";
const isOverruled = (eye) => {
  const { decision } = decisionOf(eye);
  return decision !== "" && decision !== "agree" && decision !== machineGrade(eye);
};
const canDecide = (eye) => eye.status !== "waiting";

const decisionWords = (eye) => {
  const { decision } = decisionOf(eye);
  if (decision === "") return "";
  if (decision === "agree" || decision === "ungradable") return decision;
  return `grade ${gradeWords(Number(decision))}`;
};

const decide = (eye, change) => {
  // Another tab of the same page may have kept something since.
  decisions = { ...decisions, ...recallDecisions() };
  const made = { ...decisionOf(eye), ...change, decided_at: new Date().toISOString().slice(0, 19) + "+00:00" };
  if (made.decision === "" && made.note === "") delete decisions[eye.key];
  else decisions[eye.key] = made;
  exported = false;
  if (!keep("localStorage", keptUnder(), JSON.stringify(decisions))) tellUnkept();
};

// A spreadsheet would run what begins like a formula; an apostrophe in front makes it text, and merging takes it off again.
const cell = (text) => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return quoted(safe);
};
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const decisionsCsv = () => {
  const lines = [COLUMNS.join(",")];
  for (const eye of EYES) {
    if (!(eye.key in decisions)) continue;
    const { decision, note, decided_at } = decisionOf(eye);
    // The name is as the CSV of grades has it, which no spreadsheet runs either.
    lines.push([quoted(eye.image), eye.sha256, machineGrade(eye), decision, cell(note), cell(reader), decided_at, DATA.job].join(","));
  }
  return `${lines.join("\n")}\n`;
};

const exportDecisions = () => {
  const file = new Blob([decisionsCsv()], { type: "text/csv" });
  const link = make("a", { href: URL.createObjectURL(file), download: `decisions-${DATA.csv.replace(/\.csv$/i, "")}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  exported = true;
  const count = Object.keys(decisions).length;
  say(`${count} of ${EYES.length} exported`);
};
