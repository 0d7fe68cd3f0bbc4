// Keys, buttons, and what the page begins with. Every key has a button: the keyboard is a choice.

let pending = null; // what waits for the reader's name

const withReader = (act) => {
  if (reader) { act(); return; }
  pending = act;
  at("name").value = "";
  at("who").showModal();
};

const takeReader = (name) => {
  reader = name;
  keep("sessionStorage", `kerasdr-reader:${DATA.job}`, name);
  takeDecisions();
  at("reader").textContent = `Reader: ${name} (change)`;
  showAllDecisions();
  tellEarlier();
};

const changeReader = () => {
  pending = () => {};
  at("name").value = "";
  at("who").showModal();
};

const named = () => {
  const name = at("name").value.trim();
  if (!name) { at("name").focus(); return; }
  const act = pending;
  pending = null;
  at("who").close();
  // A browser gives the focus back to what had it, if anything; until then keys would still go to the field.
  if (at("who").contains(document.activeElement)) at("list").focus({ preventScroll: true });
  takeReader(name);
  if (act) act();
};

const ACTIONS = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), Home: () => step(-Infinity), End: () => step(Infinity),
  u: () => decideCurrent("ungradable"), a: () => decideCurrent("agree"), x: () => decideCurrent(""),
  n: () => current && parts.get(current).note.focus(), h: () => setHeat(heat > 0 ? 0 : 100),
  ...Object.fromEntries(DATA.grades.map((_, grade) => [String(grade), () => decideCurrent(String(grade))])),
};

const pressed = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("who").open) return;
  const typing = event.target.matches("input[type=text], input[type=search]");
  if (event.key === "Escape" && typing) {
    event.target.blur();
    at("list").focus({ preventScroll: true });
    return;
  }
  if (typing || event.target.matches("select, textarea, input[type=range]")) return;
  const ofList = event.key.length > 1;
  // Arrows are the list's own; letters and figures can be switched off, as some people's software types by itself.
  if (ofList ? event.target !== at("list") : !at("shortcuts").checked) return;
  const act = ACTIONS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

const setTheme = (words) => {
  if (words === "light" || words === "dark") document.documentElement.dataset.theme = words;
  else delete document.documentElement.dataset.theme;
};

const start = () => {
  at("without").remove();
  fillChoices();
  for (const id of [...Object.keys(CHOICES), "decided"]) at(id).addEventListener("change", refilter);
  at("search").addEventListener("input", refilter);
  at("list").addEventListener("scroll", drawRowsSoon, { passive: true });
  window.addEventListener("resize", drawRowsSoon);
  at("about").addEventListener("toggle", drawRowsSoon);
  document.addEventListener("keydown", pressed);
  at("export").addEventListener("click", () => withReader(exportDecisions));
  at("reader").addEventListener("click", changeReader);
  at("named").addEventListener("click", named);
  at("unnamed").addEventListener("click", () => at("who").close());
  at("name").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // else it presses the button that has the focus once the dialog is closed
    named();
  });
  // Esc closes it too: what waited for a name is not done, and a note that was typed is shown no longer as if it were kept.
  at("who").addEventListener("close", () => { pending = null; showAllDecisions(); });
  at("theme").value = recall("localStorage", "kerasdr-review-colours") || "as the system";
  setTheme(at("theme").value);
  at("theme").addEventListener("change", () => { setTheme(at("theme").value); keep("localStorage", "kerasdr-review-colours", at("theme").value); });
  window.addEventListener("beforeprint", printed);
  window.addEventListener("afterprint", () => at("printed").replaceChildren());
  // Another tab of this page decided something.
  window.addEventListener("storage", (event) => { if (reader && event.key === keptUnder()) takeReader(reader); });
  window.addEventListener("beforeunload", (event) => { if (anyUndelivered()) event.preventDefault(); });
  if (!keep("localStorage", "kerasdr-review-try", "1")) tellUnkept();
  const known = recall("sessionStorage", `kerasdr-reader:${DATA.job}`);
  if (known) takeReader(known);
  else tellEarlier();
  if (window.matchMedia("(max-width: 60rem)").matches) at("about").open = false;
  showAllDecisions();
  refilter();
};

start();
