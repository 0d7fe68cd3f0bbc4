// What is shown of the person whose photograph is looked at: the eyes side by side, each with what the machine said.

const [WIDTH, , SIDE, PHOTOGRAPH, HEAT, TOP] = DATA.frame;
const DECISIONS = [...DATA.grades.map((name, grade) => [String(grade), String(grade), `grade ${gradeWords(grade)}`]),
  ["ungradable", "ungradable", "not good enough to be graded"], ["agree", "agree", "as the machine says"], ["", "clear", "no decision"]];
const KEYS = { ungradable: "u", agree: "a", "": "x" };

let heat = 0;
let parts = new Map(); // of each eye that is shown, what a decision changes

const lookAt = (eye) => {
  const place = at("eyes");
  if (!eye) {
    parts = new Map();
    place.replaceChildren(make("p", { class: "soft" }, "Nothing is found: change the filters."));
    return;
  }
  const eyes = eyesOfPerson(eye);
  // The same person's other eye: nothing is drawn anew, so that neither scroll nor focus is lost.
  if (!eyes.every((one) => parts.has(one))) {
    parts = new Map();
    place.replaceChildren(controls(eyes), make("div", { class: "pair" }, ...eyes.map(eyePart)));
  }
  for (const [one, part] of parts) {
    part.whole.classList.toggle("current", one === eye);
    if (one === eye) part.whole.setAttribute("aria-current", "true");
    else part.whole.removeAttribute("aria-current");
  }
  setHeat(heat);
};

const controls = (eyes) => {
  const button = (words, key, act) => make("button", { type: "button", onclick: act }, words, make("kbd", {}, key));
  const range = make("input", { type: "range", id: "heat", min: 0, max: 100, step: 5, value: heat, oninput: () => setHeat(Number(range.value)) });
  range.disabled = !eyes.some((eye) => eye.heat);
  return make(
    "div",
    { class: "tools" },
    button("Next", "j", () => step(1)),
    button("Previous", "k", () => step(-1)),
    make("label", { class: "heat" }, make("span", {}, "Heat map (Grad-CAM): what spoke for the grade "), make("kbd", {}, "h"), range),
  );
};

const setHeat = (value) => {
  heat = value;
  at("eyes").style.setProperty("--heat", String(value / 100));
  if (at("heat")) at("heat").value = String(value);
};

const eyePart = (eye) => {
  const part = {};
  part.buttons = new Map();
  part.note = make("input", { type: "text", maxlength: 500, autocomplete: "off", onchange: () => writeNote(eye), onfocus: () => current !== eye && select(eye) });
  part.whole = make(
    "article",
    { class: "eye", "aria-label": `${shortName(eye)}, ${eyeWords(eye)}` },
    make("h2", {}, shortName(eye)),
    make("p", { class: "soft" }, `${eyeWords(eye)}${eye.image.includes("/") ? ` · ${eye.image}` : ""}`),
    picture(eye),
    make("p", { class: "said" }, make("strong", {}, saidWords(eye)), eye.reason && !eye.doubtful ? `${eye.status === "graded" ? " · " : " "}${eye.reason}` : ""),
    eye.doubtful ? make("p", { class: "warn doubt" }, eye.reason) : null,
    decisionButtons(eye, part),
    (part.told = make("p", { class: "told" })),
    make("label", { class: "note-line" }, make("span", {}, "Note ", make("kbd", {}, "n")), part.note),
    ...(eye.status === "graded" ? [bars(eye), make("p", {}, furtherWords(eye))] : []),
  );
  if (!canDecide(eye)) part.note.disabled = true;
  parts.set(eye, part);
  showDecision(eye);
  return part.whole;
};

const saidWords = (eye) => {
  if (eye.status !== "graded") return `${eye.status[0].toUpperCase()}${eye.status.slice(1)}:`;
  const word = isReferable(eye.grade) ? `referable (grade ${DATA.referable_from} or worse)` : "not referable";
  return `Machine: grade ${gradeWords(eye.grade)}, ${word}`;
};

const furtherWords = (eye) => {
  const words = [`Probability of referable ${eye.referable.toFixed(2)}`];
  if (eye.positive !== null) words.push(eye.positive ? "at or above the operating point" : "below the operating point");
  if (eye.set) words.push(`grade set ${eye.set}`);
  if (eye.refer !== null) words.push(eye.refer ? "in doubt: to a reader" : "not in doubt");
  return `${words.join("; ")}.`;
};

const bars = (eye) => make(
  "table",
  { class: "bars" },
  make("caption", { class: "unseen" }, "probability of each grade"),
  make("tbody", {}, ...eye.probabilities.map((p, grade) => {
    const bar = make("div", { class: grade === eye.grade ? "bar said" : "bar" });
    bar.style.width = `${100 * p}%`;
    return make("tr", {}, make("th", { scope: "row" }, gradeWords(grade)), make("td", { class: "track", "aria-hidden": "true" }, bar), make("td", {}, p.toFixed(2)));
  })),
);

// Photograph and heat map are two squares of one picture that the job drew, so that they lie on one another to the pixel:
// each is shown through a window of its own, the heat map over the photograph.
const picture = (eye) => {
  const name = shortName(eye);
  const pane = make("div", { class: "pane" });
  const lost = (words, cls = "") => make("p", { class: `soft ${cls}` }, words);
  const image = (src, alt, cls) => make("img", { src, alt, class: cls, loading: "lazy", decoding: "async", onerror: ({ target }) => target.replaceWith(lost("The picture is not beside the page any more.", cls)) });
  if (!eye.heat && !eye.photograph) {
    pane.append(lost(eye.status === "failed" || eye.status === "waiting" ? "There is no picture of it." : "No photograph was found for it."));
    return pane;
  }
  if (!eye.heat) {
    pane.append(image(eye.photograph, `Photograph ${name}`, "fitted"));
    return pane;
  }
  const windows = [["photograph", PHOTOGRAPH, `Photograph ${name}, as the network saw it`], ["heatmap", HEAT, `Heat map over photograph ${name}`]].map(([cls, left, alt]) => {
    const shown = image(eye.heat, alt, "part");
    shown.style.width = `${(100 * WIDTH) / SIDE}%`;
    shown.style.left = `${(-100 * left) / SIDE}%`;
    shown.style.top = `${(-100 * TOP) / SIDE}%`;
    return make("div", { class: `window ${cls}` }, shown);
  });
  pane.append(...windows);
  if (!eye.photograph) return pane;
  const toggle = make("button", { type: "button", class: "whole", "aria-pressed": "false", onclick: () => {
    const whole = toggle.getAttribute("aria-pressed") === "false";
    toggle.setAttribute("aria-pressed", String(whole));
    if (whole) pane.append(image(eye.photograph, `Photograph ${name}, whole`, "fitted"));
    else pane.querySelector(".fitted").remove();
  } }, "Whole photograph");
  return make("div", { class: "both" }, pane, toggle);
};

const decisionButtons = (eye, part) => make(
  "div",
  { class: "decide", role: "group", "aria-label": `your decision about ${shortName(eye)}` },
  ...DECISIONS.map(([value, words, title]) => {
    const button = make("button", { type: "button", title, "aria-label": title, "aria-pressed": "false", disabled: !canDecide(eye), onclick: () => { if (current !== eye) select(eye); decideCurrent(value); } }, words, KEYS[value] ? make("kbd", {}, KEYS[value]) : null);
    part.buttons.set(value, button);
    return button;
  }),
);

const showDecision = (eye) => {
  const part = parts.get(eye);
  if (!part) return;
  const { decision, note } = decisionOf(eye);
  for (const [value, button] of part.buttons) button.setAttribute("aria-pressed", String(value !== "" && value === decision));
  if (document.activeElement !== part.note) part.note.value = note;
  part.whole.classList.toggle("overruled", isOverruled(eye));
  part.whole.classList.toggle("decided", isDecided(eye));
  part.told.textContent = decision === "" ? "" : `${isOverruled(eye) ? "You overruled" : "You decided"}: ${decisionWords(eye)}`;
};

const showAllDecisions = () => {
  choose();
  drawRows();
  for (const eye of parts.keys()) showDecision(eye);
  const count = EYES.filter(isDecided).length;
  const over = EYES.filter(isOverruled).length;
  at("progress").textContent = `${count} of ${EYES.length} decided${over ? `, ${over} overruled` : ""}`;
};

const decideCurrent = (decision) => withReader(() => {
  if (!current || !canDecide(current)) return;
  if (decision === decisionOf(current).decision) return;
  decide(current, { decision });
  showAllDecisions();
  say(`${shortName(current)}: ${decisionWords(current) || "no decision"}`);
});

const writeNote = (eye) => {
  const note = parts.get(eye).note.value.trim();
  withReader(() => {
    if (note === decisionOf(eye).note) return;
    decide(eye, { note });
    showAllDecisions();
    say(`${shortName(eye)}: note kept`);
  });
};
