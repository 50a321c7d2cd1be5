// The page: fields for the inputs, outputs, and their explanation. Texts of the model are only ever text content.

const MAX_FIELDS = 64, MAX_ROWS = 12, MAX_EXPLAINED = 400, MAX_POSITIONS = 50, DAY = 86400000;
const state = {lang: data.lang, row: null, difference: null, example: "0", turn: 0, explained: 0};
const at = id => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name in made && name !== "list") made[name] = value;
        else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
}

function text(key, facts = {}) {
    return data.texts[state.lang][key].replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
}

function short(x) {
    if (!Number.isFinite(x)) return String(x);
    const size = Math.abs(x);
    return size && (size >= 1e6 || size < 1e-4) ? x.toExponential(2) : String(+x.toPrecision(5));
}

function signed(x) {
    const size = short(+Math.abs(x).toPrecision(3));
    return size === "0" ? size : `${x > 0 ? "+" : "\u2212"}${size}`;
}

/** An element whose text follows the language. */
function label(key, facts = {}, tag = "span") {
    const made = element(tag);
    made.dataset.text = key;
    made.dataset.facts = JSON.stringify(facts);
    made.textContent = text(key, facts);
    return made;
}

function translate() {
    document.documentElement.lang = state.lang === "zh" ? "zh-CN" : state.lang;
    document.title = at("title").textContent = data.target
        ? text("prediction_of", {name: data.target}) : data.title;
    for (const one of document.querySelectorAll("[data-text]"))
        one.textContent = text(one.dataset.text, JSON.parse(one.dataset.facts ?? "{}"));
    for (const one of document.querySelectorAll("[data-label]"))
        one.setAttribute("aria-label", text(one.dataset.label));
    showCheck();
    show();
}

// --- fields: each reads its cell and is set to one

function select(options, value) {
    return element("select", {value}, ...options);
}

const FIELDS = {
    number: column => numeric(column.unit),
    duration: () => numeric(null, "seconds"),
    yes_no: () => choice([["1", label("yes", {}, "option")], ["0", label("no", {}, "option")]]),
    category(column) {
        const levels = column.levels.map((level, i) => [String(i), element("option", {textContent: level})]);
        if (column.frequency) levels.push(["-1", label("other", {}, "option")]);
        return choice(levels);
    },
    text() {
        const control = element("textarea", {rows: 3});
        return {
            control,
            read: () => control.value || null,
            set(x) { control.value = x ?? ""; },
            format: x => x.length > 30 ? `${x.slice(0, 30)}\u2026` : x,
        };
    },
    date(column) {
        const type = column.parts.includes("hour") ? "datetime-local" : "date";
        const control = element("input", {type, step: type === "date" ? 1 : "any"});
        return {
            control,
            read: () => control.value ? Date.parse(`${control.value}${type === "date" ? "" : "Z"}`) : null,
            set(x) {
                control.value = x === null ? ""
                    : new Date(Math.floor(x / 1000) * 1000).toISOString().slice(0, type === "date" ? 10 : 19);
            },
            format: x => new Date(x).toISOString().slice(0, type === "date" ? 10 : 16).replace("T", " "),
        };
    },
    time() {
        const control = element("input", {type: "time", step: 1});
        const clock = x => [x / 3600, x / 60 % 60, x % 60].map(n => String(Math.floor(n)).padStart(2, "0")).join(":");
        return {
            control,
            read() {
                const [hours, minutes, seconds = 0] = control.value.split(":").map(Number);
                return control.value ? 3600 * hours + 60 * minutes + seconds : null;
            },
            set(x) { control.value = x === null ? "" : clock(x); },
            format: clock,
        };
    },
};

function numeric(unit, key) {
    const control = element("input", {type: "number", step: "any"});
    return {
        control,
        unit: unit ? element("span", {className: "unit", textContent: unit}) : key ? label(key) : null,
        read: () => control.value === "" ? null : Number(control.value),
        set(x) { control.value = x === null ? "" : short(x); },
        format: short,
    };
}

function choice(options) {
    const control = element("select");
    const missing = label("missing", {}, "option");
    missing.value = "";
    for (const [value, option] of options) option.value = value;
    control.append(missing, ...options.map(([, option]) => option));
    return {
        control,
        read: () => control.value === "" ? null : Number(control.value),
        set(x) { control.value = x === null ? "" : control.querySelector(`option[value="${x}"]`) ? String(x) : "-1"; },
        format: x => control.querySelector(`option[value="${x}"]`)?.textContent ?? String(x),
    };
}

/** The reference of a column: its mean, its most frequent level, or no text. */
function reference(column) {
    switch (column.kind) {
        case "category": return column.levels.length ? 0 : null;
        case "yes_no": return column.mean >= 0.5 ? 1 : 0;
        case "text": return null;
        case "date": return (column.first + column.mean) * DAY;
        case "time": return column.mean * 3600;
        default: return column.mean;
    }
}

function tableFields() {
    const fields = data.columns.map((column, i) => {
        const field = FIELDS[column.kind](column);
        field.control.id = `field${i}`;
        at("fields").append(element("div", {className: "field"},
            element("label", {htmlFor: `field${i}`, textContent: column.name}),
            element("div", {className: "control"}, field.control, ...(field.unit ? [field.unit] : []))));
        return field;
    });
    const typical = data.columns.map(reference);
    return {
        examples: rows,
        typical,
        read: () => fields.map(field => field.read()),
        set: row => fields.forEach((field, i) => field.set(row[i])),
        parts: row => data.columns.map((column, i) => ({
            name: column.name,
            change: `${row[i] === null ? text("missing") : fields[i].format(row[i])} \u2192 ${
                typical[i] === null ? text("missing") : fields[i].format(typical[i])}`,
            row: row.map((cell, k) => k === i ? typical[i] : cell),
        })),
        method: () => text("of_columns"),
    };
}

/** The name of an entry of an array, such as x[0, 2]. */
function place(input, i) {
    const indices = [];
    for (const length of input.shape.toReversed()) {
        indices.unshift(i % length);
        i = Math.floor(i / length);
    }
    return `${input.name}[${indices.join(", ")}]`;
}

function arrayFields() {
    const parts = data.inputs.map((input, k) => input.size <= MAX_FIELDS ? entryFields(input, k) : listField(input, k));
    return {
        examples: rows,
        typical: data.inputs.map(input => new globalThis[input.type](input.size)),
        read: () => parts.map(part => part.read()),
        set: row => parts.forEach((part, k) => part.set(row[k])),
        parts: row => row.flatMap((array, k) => Array.from(array, (x, i) => ({
            name: place(data.inputs[k], i),
            change: `${short(x)} \u2192 0`,
            row: row.map((other, j) => j === k ? other.map((y, n) => n === i ? 0 : y) : other),
        }))),
        method: () => text("of_entries"),
    };
}

function entryFields(input, k) {
    const controls = Array.from({length: input.size}, (_, i) => {
        const control = element("input", {type: "number", step: input.is_float ? "any" : 1, id: `field${k}-${i}`});
        at("fields").append(element("div", {className: "field"},
            element("label", {htmlFor: control.id, textContent: place(input, i)}),
            element("div", {className: "control"}, control)));
        return control;
    });
    return {
        read: () => globalThis[input.type].from(controls, control => Number(control.value)),
        set: array => controls.forEach((control, i) => { control.value = short(array[i]); }),
    };
}

function listField(input, k) {
    const control = element("textarea", {id: `field${k}`, rows: 5, spellcheck: false});
    at("fields").append(element("div", {className: "field wide"},
        element("label", {htmlFor: control.id}, `${input.name}: `, label("numbers", {count: input.size})), control));
    return {
        read() {
            const numbers = control.value.split(/[\s,;]+/).filter(word => word).map(Number);
            if (numbers.length === input.size) return globalThis[input.type].from(numbers);
            throw new RangeError(text("too_long", {count: numbers.length, expected: input.size}));
        },
        set(array) { control.value = Array.from(array, short).join(", "); },
    };
}

// --- images: brightness from 0 to 1 of each channel of each pixel

function imageFields() {
    const {height, width, depth, bytes, paper} = data.image;
    const canvas = at("canvas"), levels = new Float32Array(height * width * depth).fill(paper);
    canvas.width = width, canvas.height = height;
    at("drawing").hidden = false;
    at("drawing").style.setProperty("--ratio", `${width} / ${height}`);
    const limits = {black: 0, white: bytes ? 255 : 1};
    for (const name of bytes ? [] : Object.keys(limits)) {
        const field = numeric();
        field.set(limits[name]);
        field.control.id = name;
        field.control.addEventListener("input", () => { limits[name] = field.read() ?? 0; });
        at("limits").append(element("div", {className: "field"}, label(name, {}, "label"), field.control));
        at("limits").lastChild.firstChild.htmlFor = name;
    }
    const valuesOf = source => Array.from(source, x => {
        const value = limits.black + x * (limits.white - limits.black);
        return bytes ? Math.round(value) : value;
    });
    const row = source => [globalThis[bytes ? "Uint8Array" : "Float32Array"].from(valuesOf(source))];
    const size = Math.max(1, Math.ceil(Math.max(height, width) / 14));
    const repaint = () => paint(canvas, i => [0, 1, 2].map(c => 255 * levels[i * depth + Math.min(c, depth - 1)]));
    drawWith(canvas, levels, {height, width, depth, paper}, () => { repaint(); changed(); });
    at("clear").addEventListener("click", () => { levels.fill(paper); repaint(); changed(); });
    at("file").addEventListener("change", async event => {
        const [file] = event.target.files;
        if (!file) return;
        load(await createImageBitmap(file), levels, {height, width, depth});
        repaint();
        changed();
    });
    repaint();
    return {
        examples: [],
        typical: null,
        read: () => row(levels),
        set() {},
        parts: () => squares(levels, size).map(({square, pixels}) => ({square, row: row(pixels)})),
        method: () => text("of_squares", {size}),
        size,
        draw: contributions => overlay(contributions, levels, size),
    };
}

function paint(canvas, color) {
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    for (let i = 0; i < canvas.width * canvas.height; i++) image.data.set([...color(i), 255], 4 * i);
    context.putImageData(image, 0, 0);
}

function load(bitmap, levels, {height, width, depth}) {
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(bitmap, 0, 0, width, height);
    const bytes = context.getImageData(0, 0, width, height).data;
    for (let i = 0; i < width * height; i++) {
        const [red, green, blue, alpha] = bytes.subarray(4 * i, 4 * i + 4);
        const gray = 0.299 * red + 0.587 * green + 0.114 * blue;
        const channels = depth < 3 ? [gray, alpha] : [red, green, blue, alpha];
        for (let c = 0; c < depth; c++) levels[i * depth + c] = channels[c] / 255;
    }
}

function drawWith(canvas, levels, {height, width, depth, paper}, done) {
    const radius = Math.max(0.8, Math.max(height, width) / 22), cursor = {x: width / 2, y: height / 2, down: false};
    let last = null;
    function dot(x, y) {
        for (let i = 0; i < height * width; i++) {
            const distance = Math.hypot(i % width + 0.5 - x, Math.floor(i / width) + 0.5 - y);
            const ink = Math.min(1, Math.max(0, radius + 0.5 - distance));
            for (let c = 0; c < depth; c++) {
                const k = i * depth + c, goal = paper + (1 - 2 * paper) * ink;
                levels[k] = paper ? Math.min(levels[k], goal) : Math.max(levels[k], goal);
            }
        }
    }
    function line(to) {
        const from = last ?? to, steps = Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)) || 1;
        for (let i = 1; i <= steps; i++)
            dot(from.x + (to.x - from.x) * i / steps, from.y + (to.y - from.y) * i / steps);
        last = to;
        done();
    }
    const place = event => {
        const box = canvas.getBoundingClientRect();
        return {x: (event.clientX - box.left) / box.width * width, y: (event.clientY - box.top) / box.height * height};
    };
    canvas.addEventListener("pointerdown", event => {
        canvas.setPointerCapture(event.pointerId);
        last = null;
        line(place(event));
    });
    canvas.addEventListener("pointermove", event => { if (event.buttons) line(place(event)); });
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const mark = () => {
        at("cursor").style.left = `${100 * cursor.x / width}%`;
        at("cursor").style.top = `${100 * cursor.y / height}%`;
        at("cursor").classList.toggle("down", cursor.down);
    };
    canvas.addEventListener("keydown", event => {
        if (event.key !== " " && !moves[event.key]) return;
        event.preventDefault();
        const [dx, dy] = moves[event.key] ?? [0, 0];
        if (event.key === " ") cursor.down = !cursor.down, last = null;
        cursor.x = Math.min(width, Math.max(0, cursor.x + dx));
        cursor.y = Math.min(height, Math.max(0, cursor.y + dy));
        if (cursor.down) line({x: cursor.x, y: cursor.y});
        mark();
    });
    mark();
}

/** The squares that are not empty, each with the image without it. */
function squares(levels, size) {
    const {height, width, depth, paper} = data.image, found = [];
    for (let y = 0; y < height; y += size) for (let x = 0; x < width; x += size) {
        const pixels = levels.slice();
        for (let i = y; i < Math.min(height, y + size); i++)
            pixels.fill(paper, (i * width + x) * depth, (i * width + Math.min(width, x + size)) * depth);
        if (pixels.some((value, i) => value !== levels[i])) found.push({square: [x, y], pixels});
    }
    return found;
}

function overlay(contributions, levels, size) {
    const {width, height, depth} = data.image, canvas = at("heat");
    canvas.width = width, canvas.height = height;
    const most = contributions.reduce((top, {value}) => Math.max(top, Math.abs(value)), 1e-9);
    const shares = new Map(contributions.map(({square, value}) => [String(square), value / most]));
    paint(canvas, i => {
        const x = i % width, y = Math.floor(i / width), gray = 96 + 64 * levels[i * depth];
        const share = shares.get(String([x - x % size, y - y % size])) ?? 0, weight = Math.abs(share);
        const color = share > 0 ? [72, 148, 240] : [240, 142, 50];
        return color.map(c => weight * c + (1 - weight) * gray);
    });
}

// --- outputs

function nameOf(output, labels) {
    return output.labels.length ? output.labels[labels] : text(labels ? "yes" : "no");
}

/** What can be explained: each position of each output, with its value and the function that computes it. */
function targets(outputs) {
    return outputs.flatMap(({labels, values}, k) => {
        const output = data.outputs[k], classes = output.kind === "classes" ? output.labels.length : 1;
        return Array.from({length: Math.min(MAX_POSITIONS, values.length / classes)}, (_, i) => {
            const place = classes * i + (output.kind === "classes" ? labels[i] : 0);
            const name = values.length === classes ? output.name : text("position", {name: output.name, number: i});
            return {name, value: values[place], label: output.kind === "classes" ? nameOf(output, labels[i]) : null,
                of: others => others[k].values[place]};
        });
    });
}

function bar(share) {
    const fill = element("span", {className: share < 0 ? "fill negative" : "fill"});
    fill.style.width = `${100 * Math.abs(share)}%`;
    return element("span", {className: "track", "aria-hidden": "true"}, fill);
}

function table(headings, lines, caption, className = "") {
    const head = element("tr", {}, ...headings.map(name =>
        name ? element("th", {scope: "col", textContent: name}) : element("td")));
    return element("table", {className}, element("caption", {className: "hidden", textContent: caption}),
        element("thead", {}, head),
        element("tbody", {}, ...lines.map(cells => element("tr", {}, ...cells.map((cell, i) =>
            element(i ? "td" : "th", i ? {} : {scope: "row"}, cell))))));
}

function showOutput(output, {labels, values}) {
    const section = element("div", {className: "result"});
    if (data.outputs.length > 1) section.append(element("h3", {textContent: output.name}));
    const classes = output.kind === "classes" ? output.labels.length : 1, count = values.length / classes;
    if (output.kind === "classes" && count === 1) {
        section.append(element("p", {className: "answer", textContent: nameOf(output, labels[0])}));
        const order = values.map((value, i) => i).sort((a, b) => values[b] - values[a] || a - b);
        section.append(table([text("label"), text("probability"), ""], order.slice(0, MAX_ROWS).map(
            i => [output.labels[i], (+values[i]).toFixed(3), bar(values[i])]), text("output")));
        if (order.length > MAX_ROWS) section.append(more(order.length - MAX_ROWS));
        return section;
    }
    if (output.kind === "value" && count === 1) {
        section.append(element("p", {className: "answer", textContent: short(values[0])}));
        return section;
    }
    const heads = [text("position", {name: output.name, number: ""}).replace(/\s+$/, ""),
        ...(output.kind === "value" ? [text("value")] : [text("label"), text("probability"), ""])];
    const lines = Array.from({length: Math.min(count, MAX_POSITIONS)}, (_, i) => {
        if (output.kind === "value") return [String(i), short(values[i])];
        const p = values[classes * i + (output.kind === "classes" ? labels[i] : 0)];
        return [String(i), nameOf(output, labels[i]), p.toFixed(3), bar(p)];
    });
    section.append(table(heads, lines, text("output")));
    if (count > MAX_POSITIONS) section.append(more(count - MAX_POSITIONS));
    return section;
}

function more(count) {
    return element("p", {className: "quiet", textContent: text("omitted", {count})});
}

function show() {
    if (!state.fields) return;
    try {
        state.row = state.fields.read();
        state.outputs = predict(state.row);
    } catch (error) {
        return problem(error.message);
    }
    const isNumber = state.outputs?.every(({values}) => values.every(value => !Number.isNaN(value)));
    if (!isNumber) return problem(text("out_of_range"));
    at("outputs").replaceChildren(...state.outputs.map((one, k) => showOutput(data.outputs[k], one)));
    const all = targets(state.outputs);
    state.explained = Math.min(state.explained, all.length - 1);
    at("target-field").hidden = all.length === 1;
    at("target").replaceChildren(...all.map(({name}, i) => element("option", {value: i, textContent: name})));
    at("target").value = String(state.explained);
    explain(all[state.explained]);
}

function problem(message) {
    state.turn++;
    at("outputs").replaceChildren(element("p", {className: "problem", textContent: message}));
    at("reasons").replaceChildren();
    at("heat").hidden = true;
}

/** The difference of two outputs; 0 if it is a rounding error of float32. */
function change(from, to) {
    return Math.abs(to - from) < 2e-7 * Math.max(Math.abs(from), Math.abs(to)) ? 0 : to - from;
}

/** Compute the contributions in slices of time, so that the page reacts; a newer call ends this one. */
async function explain(target) {
    const turn = ++state.turn, parts = state.fields.parts(state.row), contributions = [];
    const explained = target.label === null ? text("explained_value", {name: target.name, value: short(target.value)})
        : text("explained_label", {name: target.name, label: target.label, value: target.value.toFixed(3)});
    at("method").replaceChildren(element("p", {className: "key", textContent: explained}), element("p", {
        className: "quiet", textContent: `${text("occlusion")} ${state.fields.method()}`}));
    if (parts.length > MAX_EXPLAINED) {
        at("reasons").replaceChildren(element("p", {textContent: text("too_many", {count: MAX_EXPLAINED})}));
        return;
    }
    let until = performance.now() + 12;
    for (const one of parts) {
        if (performance.now() > until) {
            await new Promise(resolve => setTimeout(resolve));
            if (turn !== state.turn) return;
            until = performance.now() + 12;
        }
        const others = predict(one.row);
        contributions.push({...one, value: others ? change(target.of(others), target.value) : 0});
    }
    at("heat").hidden = !state.fields.draw;
    if (state.fields.draw) return state.fields.draw(contributions);
    contributions.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const most = Math.max(1e-9, Math.abs(contributions[0]?.value ?? 0));
    at("reasons").replaceChildren(table(
        [text("reference"), text("contribution"), ""],
        contributions.slice(0, 2 * MAX_ROWS).map(({name, change, value}) => [
            element("div", {}, name, element("div", {className: "quiet", textContent: change})),
            signed(value), both(value / most)]),
        text("contributions"), "changes"));
    if (contributions.length > 2 * MAX_ROWS) at("reasons").append(more(contributions.length - 2 * MAX_ROWS));
}

/** A bar to the left or to the right of the middle. */
function both(share) {
    const track = bar(share);
    track.classList.add("both");
    track.firstChild.style.width = `${50 * Math.abs(share)}%`;
    return track;
}

// --- start

function changed() {
    state.example = "";
    at("example").value = "";
    show();
}

function showCheck() {
    const difference = state.difference, agrees = difference <= data.tolerance;
    at("check").className = agrees ? "check" : "check problem";
    at("check").textContent = state.failure ? text("failed", {reason: state.failure})
        : text(agrees ? "agrees" : "differs", {rows: rows.length, difference: difference.toExponential(1)});
}

function start() {
    try {
        state.difference = largestDifference();
    } catch (error) {
        state.failure = error.message;
    }
    state.fields = data.image ? imageFields() : data.columns ? tableFields() : arrayFields();
    const options = state.fields.examples.map((_, i) => {
        const option = label("row", {number: i + 1}, "option");
        option.value = String(i);
        return option;
    });
    for (const key of ["typical", "own"]) {
        options.push(label(key, {}, "option"));
        options.at(-1).value = key === "own" ? "" : key;
    }
    at("example").append(...options);
    at("example-field").hidden = Boolean(data.image);
    at("example").addEventListener("change", event => {
        const value = event.target.value;
        if (value === "") return;
        state.fields.set(value === "typical" ? state.fields.typical : rows[value]);
        show();
    });
    if (!data.image) state.fields.set(rows[0]);
    at("form").addEventListener("submit", event => event.preventDefault());
    at("form").addEventListener("input", event => { if (event.target.id !== "example" && event.target.id !== "file") changed(); });
    at("target").addEventListener("change", event => { state.explained = Number(event.target.value); show(); });
    for (const one of document.querySelectorAll("input[name=lang]")) {
        one.checked = one.value === state.lang;
        one.addEventListener("change", () => { state.lang = one.value; translate(); });
    }
    translate();
}

if (typeof document !== "undefined") start();
