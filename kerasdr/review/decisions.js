// What the reader decided, and where it is kept: by reader, so that nobody is led by another's decisions, and by the digest of
// the CSV, so that decisions about one job are never taken for those about another.

const FORMULA = /^[\s\p{C}'=+\-@\uff1d\uff0b\uff0d\uff20]/u;
const COLUMNS = ["image", "sha256", "machine_grade", "decision", "note", "reader", "decided_at", "job"];

let reader = "";
let decisions = {};
const madeHere = new Map(); // decisions by reader, which a browser may refuse to keep

const keptUnder = () => `kerasdr-review:${DATA.job}:${reader}`;

// A browser may refuse to keep anything for a page that is a file: then an exception comes of the mere word localStorage.
const recall = (store, key) => {
  try { return window[store].getItem(key); } catch { return null; }
};
const keep = (store, key, value) => {
  try { window[store].setItem(key, value); return true; } catch { return false; }
};

const recallDecisions = (key) => {
  try { return JSON.parse(recall("localStorage", key)) || {}; } catch { return {}; }
};

// What was kept may be older than what this page knows, if the browser keeps no more, or newer, of another tab.
const isLater = (one, other) => !other || one.decided_at > other.decided_at || (one.decided_at === other.decided_at && one.exported);
const takeDecisions = () => {
  decisions = madeHere.get(reader) || {};
  for (const [key, one] of Object.entries(recallDecisions(keptUnder()))) if (isLater(one, decisions[key])) decisions[key] = one;
  madeHere.set(reader, decisions);
};
const keepDecisions = () => { if (!keep("localStorage", keptUnder(), JSON.stringify(decisions))) tellUnkept(); };
const isUndelivered = (one) => !one.exported;
const anyUndelivered = () => [...madeHere.values()].some((some) => Object.values(some).some(isUndelivered));

const tellUnkept = () => {
  at("unkept").hidden = false;
  at("unkept").textContent = "This browser keeps nothing for this page: what you decide is lost when the page is closed. "
    + "Export your decisions before that.";
};

const decisionOf = (eye) => decisions[eye.key] || { decision: "", note: "" };
const isDecided = (eye) => decisionOf(eye).decision !== "";
const isOverruled = (eye) => {
  const { decision } = decisionOf(eye);
  // A photograph that could not be read is ungradable to a reader, as in the merge.
  const machine = eye.status === "failed" ? "ungradable" : machineGrade(eye);
  return decision !== "" && decision !== "agree" && decision !== machine;
};
const canDecide = (eye) => eye.status !== "waiting";

const decisionWords = (eye) => {
  const { decision } = decisionOf(eye);
  if (decision === "") return "";
  if (decision === "agree" || decision === "ungradable") return decision;
  return `grade ${gradeWords(Number(decision))}`;
};

const decide = (eye, change) => {
  takeDecisions();
  // One that is withdrawn stays, without a decision: it may have been exported before, and the later line takes it back.
  decisions[eye.key] = {
    ...decisionOf(eye), machine_grade: machineGrade(eye), csv: DATA.csv, ...change, exported: false,
    decided_at: new Date().toISOString().replace("Z", "+00:00"),
  };
  keepDecisions();
};

// A spreadsheet would run what begins like a formula; an apostrophe in front makes it text, and merging takes it off again.
const cell = (text) => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return quoted(safe);
};
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const decisionsCsv = (who, job, some) => {
  const lines = [COLUMNS.join(",")];
  for (const [key, { machine_grade, decision, note, decided_at }] of some) {
    const [sha256] = key.split(" ", 1);
    // The name is as the CSV of grades has it, which no spreadsheet runs either.
    const image = quoted(key.slice(sha256.length + 1));
    lines.push([image, sha256, machine_grade, decision, cell(note), cell(who), decided_at, job].join(","));
  }
  return `${lines.join("\n")}\n`;
};

const slug = (name) => name.toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "reader";

const download = (who, job, some, name) => {
  const file = new Blob([decisionsCsv(who, job, some)], { type: "text/csv" });
  const link = make("a", { href: URL.createObjectURL(file), download: `decisions-${name.replace(/\.csv$/i, "")}-${slug(who)}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

const exportDecisions = () => {
  takeDecisions();
  const some = EYES.filter((eye) => eye.key in decisions).map((eye) => [eye.key, decisions[eye.key]]);
  download(reader, DATA.job, some, DATA.csv);
  for (const [, one] of some) one.exported = true;
  keepDecisions();
  say(`${EYES.filter(isDecided).length} of ${EYES.length} exported`);
};
