// On paper: what the filters leave, with the decisions, as a table. It is there only while it is printed.

const printed = () => {
  const head = ["photograph", "machine", "probability of referable", "to a reader", "decision", "note"];
  const row = (eye) => [eye.image, eye.reason ? `${machineWords(eye)}: ${eye.reason}` : machineWords(eye),
    eye.referable === null ? "" : eye.referable.toFixed(2), eye.refer === null ? "" : eye.refer ? "yes" : "no",
    decisionWords(eye), decisionOf(eye).note];
  at("printed").replaceChildren(
    make("caption", {}, `Filters: ${filterWords()}; ${chosen.length} of ${EYES.length} photographs; reader: ${reader || "nobody yet"}; `
      + `printed ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`),
    make("thead", {}, make("tr", {}, ...head.map((words) => make("th", { scope: "col" }, words)))),
    make("tbody", {}, ...chosen.map((eye) => make("tr", { class: isOverruled(eye) ? "overruled" : "" }, ...row(eye).map((words) => make("td", {}, words))))),
  );
};
