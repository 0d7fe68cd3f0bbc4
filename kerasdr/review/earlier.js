// Decisions of pages of other CSVs, such as the night before's, that this browser holds and that were never exported: a page that
// is made anew of a CSV that changed no longer shows them.

const KEPT = /^kerasdr-review:([0-9a-f]{64}):(.+)$/s;

const undeliveredElsewhere = () => {
  let keys = [];
  try { keys = Object.keys(window.localStorage); } catch { /* a browser that keeps nothing */ }
  return keys.map((key) => KEPT.exec(key)).filter((found) => found && found[1] !== DATA.job && (!reader || found[2] === reader))
    .map(([key, job, who]) => ({ key, job, who, some: Object.entries(recallDecisions(key)).filter(([, one]) => one.machine_grade && isUndelivered(one)) }))
    .filter(({ some }) => some.length > 0);
};

// One page's after another's: each file is merged with a CSV of its own.
const tellEarlier = () => {
  const [first, ...others] = undeliveredElsewhere();
  at("earlier").hidden = !first;
  if (!first) return;
  const { key, job, who, some } = first;
  const csv = some[0][1].csv;
  const words = `${some.length} ${some.length === 1 ? "decision" : "decisions"} by ${who} on another page of this browser, about ${csv} `
    + `(SHA-256 ${job.slice(0, 8)}), ${some.length === 1 ? "was" : "were"} never exported`;
  const deliver = () => {
    download(who, job, some, `${csv.replace(/\.csv$/i, "")}-${job.slice(0, 8)}`);
    const kept = recallDecisions(key);
    for (const [of, one] of some) if (kept[of] && kept[of].decided_at === one.decided_at) kept[of].exported = true;
    keep("localStorage", key, JSON.stringify(kept));
    say(`${some.length} exported`);
    tellEarlier();
  };
  at("earlier").replaceChildren(
    others.length ? `${words}, and ${others.length} more such ${others.length === 1 ? "page" : "pages"}. ` : `${words}. `,
    make("button", { type: "button", onclick: deliver }, "Export these"),
  );
};
