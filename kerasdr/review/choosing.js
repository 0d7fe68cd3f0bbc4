// Which rows the worklist shows.

const CHOICES = {
  group: (eye) => String(eye.group),
  status: (eye) => eye.status,
  grade: (eye) => (eye.grade === null ? "" : String(eye.grade)),
  reason: reasonKind,
  refer: (eye) => (eye.refer === null ? "" : eye.refer ? "yes" : "no"),
};
const DECIDED = {
  "not yet": (eye) => !isDecided(eye),
  decided: isDecided,
  overruled: isOverruled,
  "with a note": (eye) => decisionOf(eye).note !== "",
};

let chosen = EYES;

const fillChoices = () => {
  for (const [id, valueOf] of Object.entries(CHOICES)) {
    const values = [...new Set(EYES.map(valueOf))].filter((value) => value !== "").sort();
    const shown = (value) => (id === "grade" ? gradeWords(Number(value)) : id === "group" ? DATA.groups[Number(value)] : value);
    at(id).append(...values.map((value) => make("option", { value }, shown(value))));
    at(id).disabled = values.length === 0;
  }
  at("decided").append(...Object.keys(DECIDED).map((value) => make("option", { value }, value)));
};

const filterWords = () => {
  const set = [...Object.keys(CHOICES), "decided"].filter((id) => at(id).value).map((id) => at(id).selectedOptions[0].textContent);
  if (at("search").value.trim()) set.push(`name holds "${at("search").value.trim()}"`);
  return set.join(", ") || "all";
};

const choose = () => {
  const tests = Object.entries(CHOICES).filter(([id]) => at(id).value).map(([id, valueOf]) => (eye) => valueOf(eye) === at(id).value);
  if (at("decided").value) tests.push(DECIDED[at("decided").value]);
  const sought = at("search").value.trim().toLowerCase();
  if (sought) tests.push((eye) => eye.image.toLowerCase().includes(sought));
  chosen = EYES.filter((eye) => tests.every((test) => test(eye)));
  at("found").textContent = `${chosen.length} of ${EYES.length} photographs`;
};
