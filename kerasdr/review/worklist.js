// The list: of thousands of rows only those exist that can be seen.

const ROW_HEIGHT = 58;
const BEYOND = 6;

let current = null;
let asked = 0;

const rowOf = (eye, place) => {
  const mark = decisionWords(eye);
  const row = make(
    "div",
    {
      role: "option",
      id: `row-${eye.place}`,
      class: isOverruled(eye) ? "row overruled" : mark ? "row decided" : "row",
      "aria-selected": String(eye === current),
      "aria-setsize": chosen.length,
      "aria-posinset": place + 1,
      title: DATA.groups[eye.group],
      onclick: () => select(eye),
    },
    make("span", { class: "name" }, shortName(eye)),
    make("span", { class: "mark" }, mark),
    make("span", { class: `more group-${eye.group}` }, rowWords(eye)),
  );
  row.style.top = `${place * ROW_HEIGHT}px`;
  return row;
};

const rowWords = (eye) => {
  const words = [machineWords(eye)];
  if (eye.status === "graded") words.push(`${eye.referable.toFixed(2)} referable`);
  if (eye.refer && eye.status === "graded") words.push("to a reader");
  if (eye.reason) words.push(reasonKind(eye));
  return words.join(" · ");
};

const drawRows = () => {
  const list = at("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - BEYOND);
  const last = Math.min(chosen.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW_HEIGHT) + BEYOND);
  at("rows").style.height = `${chosen.length * ROW_HEIGHT}px`;
  at("rows").replaceChildren(...chosen.slice(first, last).map((eye, place) => rowOf(eye, first + place)));
  if (current && at(`row-${current.place}`)) list.setAttribute("aria-activedescendant", `row-${current.place}`);
  else list.removeAttribute("aria-activedescendant");
};

const drawRowsSoon = () => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(drawRows);
};

const bringIntoView = (eye) => {
  const list = at("list");
  const place = chosen.indexOf(eye);
  if (place < 0) return;
  const top = place * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
};

const select = (eye) => {
  current = eye;
  bringIntoView(eye);
  drawRows();
  lookAt(eye);
};

const step = (by) => {
  if (!chosen.length) return;
  // What was just decided may no longer be chosen: then its neighbours are those that were.
  const before = chosen.filter((eye) => current && eye.place < current.place).length;
  const place = chosen.includes(current) || by < 0 ? before : before - 1;
  const next = Math.min(chosen.length - 1, Math.max(0, place + by));
  select(chosen[next]);
  say(`${shortName(chosen[next])}, ${next + 1} of ${chosen.length}: ${rowWords(chosen[next])}`);
};

const refilter = () => {
  choose();
  at("list").scrollTop = 0;
  if (!chosen.includes(current)) current = chosen[0] || null;
  bringIntoView(current);
  drawRows();
  lookAt(current);
};
