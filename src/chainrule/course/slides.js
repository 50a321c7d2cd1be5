const sections = [...document.querySelectorAll("section")];
const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, Enter: 1,
  ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Backspace: -1, Home: -Infinity, End: Infinity };

function current() {
  const middle = innerHeight / 2;
  return Math.max(0, sections.findIndex(section => section.getBoundingClientRect().bottom > middle));
}

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n" || event.key === "N") {
    const place = current();
    document.body.classList.toggle("with-notes");
    sections[place].scrollIntoView();
    return;
  }
  const step = event.shiftKey && event.key === " " ? -1 : STEPS[event.key];
  if (!step || event.target.closest("a, summary")) return;
  event.preventDefault();
  document.body.classList.add("moved");
  const place = Math.min(Math.max(current() + step, 0), sections.length - 1);
  sections[place].scrollIntoView();
  history.replaceState(null, "", `#${sections[place].id}`);
});
