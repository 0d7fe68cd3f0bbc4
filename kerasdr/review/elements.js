// What the other files build the page with. Text only ever comes in as text: nothing of a CSV is read as HTML.

const at = (id) => document.getElementById(id);

const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
};

// Whoever listens instead of looking hears what a key did.
const say = (text) => { at("said").textContent = text; };
