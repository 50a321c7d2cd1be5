// The network as a drawing: a circle for each unit, a line for each weight, of the values that the server sent.
import { html } from "./core.js";

const RADIUS = 17, TOP = 46, MARGIN = 58, FOCUSABLE = 250;

export function places(drawing, width = 940, bottom = 16, rowHeight = 56) {
  const most = Math.max(...drawing.columns.map((column) => Math.max(column.units.length + (column.gap ? 1 : 0), 1)));
  const height = TOP + most * rowHeight + bottom;
  const middle = TOP + (most * rowHeight) / 2;
  const step = (width - 2 * MARGIN) / Math.max(drawing.columns.length - 1, 1);
  const at = drawing.columns.map((column, place) => {
    const total = column.units.length + (column.gap ? 1 : 0);
    return column.units.map((unit, i) => ({
      x: MARGIN + place * step,
      y: middle + (i + (column.gap && i >= column.gap ? 1 : 0) - (total - 1) / 2) * rowHeight,
    }));
  });
  return { height, middle, step, at };
}

const limit = (values) => Math.max(1e-9, ...values.map((value) => Math.abs(value ?? 0)));
const pick = (event, action) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); action(); } };
const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const ascii = (text) => text.replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (sign) => POWERS.indexOf(sign)).replace("×10", "e").replace(/[−⁻]/g, "-").replace("+", "");

// A number of the server, such as −6.79654×10⁻⁵, with as many digits as a circle holds.
export function shown(text) {
  const number = Number(ascii(text ?? ""));
  if (!text || !Number.isFinite(number)) return text;
  const size = Math.abs(number);
  return (size >= 1000 || (size > 0 && size < 0.0005) ? number.toExponential(0) : size >= 100 ? number.toFixed(0) : size >= 10 ? number.toFixed(1) : number.toFixed(2)).replaceAll("-", "−");
}

// mode "value" shows values and weights, "gradient" the derivatives of the loss.
export function Drawing({ drawing, selected = "", lit = "", mode = "value", onPick, label, focusable = true, width = 940, edit }) {
  const { height, at, step, middle } = places(drawing, width, edit ? 52 : 16);
  const isGradient = mode === "gradient";
  const ofWire = (wire) => (isGradient ? wire.slope : wire.size);
  const ofUnit = (unit) => (isGradient ? unit.slope : unit.size);
  const widest = limit(drawing.wires.map(ofWire));
  const largest = limit(drawing.columns.slice(1, -1).flatMap((column) => column.units.map(ofUnit)));
  const few = drawing.wires.length <= FOCUSABLE;
  const wires = drawing.wires.map((wire) => {
    const from = at[wire.column - 1][wire.start], to = at[wire.column][wire.end], value = ofWire(wire) ?? 0;
    const bend = (to.x - from.x) * 0.42;
    const path = `M${from.x + RADIUS} ${from.y}C${from.x + RADIUS + bend} ${from.y} ${to.x - RADIUS - bend} ${to.y} ${to.x - RADIUS} ${to.y}`;
    const share = Math.abs(value) / widest;
    const isOn = wire.key === selected;
    return html`<g class="wire-group ${isOn ? "on" : ""}" onClick=${() => onPick?.(wire.key)} onKeyDown=${(event) => pick(event, () => onPick?.(wire.key))} ...${onPick && focusable && few ? { tabindex: 0, role: "button", "aria-label": `${wire.name} ${isGradient ? wire.gradient : wire.value}` } : {}}>
      <path class="wire ${value < 0 ? "less" : "more"}" d=${path} stroke-width=${(0.6 + 4.2 * share).toFixed(2)} opacity=${(0.16 + 0.72 * share).toFixed(2)} />${onPick && html`<path class="hit" d=${path}><title>${wire.name} = ${wire.value}   ∂J = ${wire.gradient}</title></path>`}</g>`;
  });
  const columns = drawing.columns.map((column, c) => {
    const x = MARGIN + c * step, isLoss = c === drawing.columns.length - 1;
    const name = isLoss ? "" : column.title.split(".").at(-1), isNarrow = step < 84 && name.length > 7, wide = Math.min(68, step - 8);
    const title = (y) => html`<text class="title ${isNarrow ? "slanted" : ""}" x=${x} y=${y} transform=${isNarrow ? `rotate(-38 ${x} ${y})` : undefined}>${name}<title>${column.title}</title></text>`;
    if (!column.units.length)
      return html`<g><rect class="box" x=${x - wide / 2} y=${middle - 46} width=${wide} height="92" rx="8" />${title(middle - 56)}<text class="name" x=${x} y=${middle + 4}>${column.shape}</text></g>`;
    const units = column.units.map((unit, i) => {
      const { x, y } = at[c][i], value = ofUnit(unit), share = Math.min(1, Math.abs(value ?? 0) / (c === 0 || isLoss ? limit([value]) * (isLoss ? 1 : 2) : largest));
      const isOn = unit.key === selected, isLit = lit && unit.key === lit;
      const text = isGradient ? unit.gradient ?? "" : unit.value;
      return html`<g class="unit ${isOn ? "on" : ""} ${isLit ? "lit" : ""}" onClick=${() => onPick?.(unit.key)} onKeyDown=${(event) => pick(event, () => onPick?.(unit.key))} ...${onPick && focusable ? { tabindex: 0, role: "button", "aria-label": `${shown(text)}: ${unit.name} = ${unit.value}` } : {}}>
        <circle cx=${x} cy=${y} r=${RADIUS} /><circle class="fill ${(value ?? 0) < 0 ? "fill-less" : "fill-more"}" cx=${x} cy=${y} r=${RADIUS} opacity=${(0.1 + 0.34 * share).toFixed(2)} /><circle class="rim" cx=${x} cy=${y} r=${RADIUS} style=${{ fill: "none" }} />
        <text x=${x} y=${y + 3.6}>${shown(text)}</text><title>${unit.name} = ${unit.value}   ∂J = ${unit.gradient ?? "–"}</title></g>`;
    });
    const names = column.units.length <= 8 ? column.units.map((unit, i) => html`<text class="name" x=${at[c][i].x} y=${at[c][i].y + RADIUS + 13}>${unit.name}</text>`) : [];
    const dots = column.gap ? html`<text class="title" x=${x} y=${(at[c][column.gap - 1].y + at[c][column.gap].y) / 2 + 4}>⋮ ${column.shape}</text>` : "";
    const first = Math.min(...at[c].map((p) => p.y));
    return html`<g>${title(Math.min(first - RADIUS - 12, first - 24))}${units}${names}${dots}</g>`;
  });
  const ends = at.at(-1)[0], outputs = at.length > 1 ? at.at(-2) : [];
  const toLoss = ends ? outputs.map((p) => html`<path class="to-loss" d="M${p.x + RADIUS} ${p.y}L${ends.x - RADIUS} ${ends.y}" />`) : [];
  return html`<div class="net-scroll" tabindex="0" role="region" aria-label=${label}><svg class="net" viewBox="0 0 ${width} ${height}" role="group" aria-label=${label}>${toLoss}${wires}${columns}${edit}</svg></div>`;
}
