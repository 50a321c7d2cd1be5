"use strict";
// Weights, preparation and outputs of the network. Elements of the page hold the data; nothing here is a text
// of the model.

const part = globalThis.part ?? (id => document.getElementById(id).textContent);
const data = JSON.parse(part("data"));
const weights = bytesOf(part("weights")).buffer;

function bytesOf(base64) {
    const text = atob(base64.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
}

function erf(x) {
    if (Math.abs(x) > 6) return Math.sign(x);
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
        term *= 2 * x * x / (2 * n + 1);
        sum += term;
    }
    return 1.1283791670955126 * Math.exp(-x * x) * sum;
}

function pow(x, y) {
    return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}

// --- preparation: a cell is a number, the index of a level, milliseconds, seconds, a text, or null if missing

function scaled(x, mean, std, limit = 1e6) {
    return std > 0 ? Math.min(limit, Math.max(-limit, (x - mean) / std)) : 0;
}

function withIndicator(column, x, values) {
    if (x === null) values = values.map(() => 0);
    return column.indicator ? [...values, x === null ? 1 : 0] : values;
}

const ENCODERS = {
    number: (column, x) => withIndicator(column, x, [scaled(x, column.mean, column.std, column.limit)]),
    duration: (column, x) => withIndicator(column, x, [scaled(x, column.mean, column.std)]),
    yes_no: (column, x) => [x ?? column.mean, ...(column.indicator ? [x === null ? 1 : 0] : [])],
    time(column, x) {
        const hours = x / 3600, angle = 2 * Math.PI * hours / 24;
        return withIndicator(column, x, [
            scaled(hours, column.mean, column.std), Math.sin(angle), Math.cos(angle)]);
    },
    category(column, x) {
        const listed = column.levels.length, values = new Array(listed).fill(0);
        let code = x;
        if (column.frequency) {
            const [mean, std] = column.frequency, counts = column.counts;
            const count = x >= 0 ? counts[x] : counts.reduce((low, one) => Math.min(low, one));
            values.push(0, x === null ? 0 : (Math.log(count) - mean) / (std || 1));
            if (x < 0 || x > listed) code = listed;
        }
        if (x !== null && code >= 0) values[code] = 1;
        return column.missing ? [...values, x === null ? 1 : 0] : values;
    },
    date(column, x) {
        const day = 86400000, date = new Date(x), year = date.getUTCFullYear(), month = date.getUTCMonth();
        const weekday = (date.getUTCDay() + 6) % 7;
        const turns = {
            month: month / 12,
            weekday: weekday / 7,
            day: (date.getUTCDate() - 1) / new Date(Date.UTC(2000 + year % 400, month + 1, 0)).getUTCDate(),
            hour: (x % day + day) % day / day,
        };
        const values = [scaled(x / day - column.first, column.mean, column.std)];
        if (column.parts.includes("year")) values.push(scaled(year, column.year_mean, column.year_std));
        for (const [name, turn] of Object.entries(turns)) {
            if (!column.parts.includes(name)) continue;
            values.push(Math.sin(2 * Math.PI * turn), Math.cos(2 * Math.PI * turn));
        }
        if (column.parts.includes("weekday")) values.push(weekday >= 5 ? 1 : 0);
        return withIndicator(column, x, values);
    },
    text(column, x) {
        const plain = (x ?? "").normalize("NFKC"), first = Array.from(plain).slice(0, 200).join("");
        const words = new Set(plain.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['\u2019]\p{L}+)*/gu));
        const weights = column.terms.map((term, i) =>
            (column.words ? words.has(term) : first.includes(term))
                ? Math.log((1 + column.total) / (1 + column.counts[i])) + 1 : 0);
        const norm = Math.hypot(...weights) || 1, length = Math.log1p(Array.from(x ?? "").length);
        return withIndicator(column, x, [
            ...weights.map(weight => weight / norm), scaled(length, column.mean, column.std)]);
    },
    image(column, pixels) {
        const depth = column.mean.length, factor = column.std.map(std => std > 0 ? 1 / std : 0);
        return Array.from(pixels, (x, i) => (x / 255 - column.mean[i % depth]) * factor[i % depth]);
    },
};

// --- rows and outputs

/** The inputs of the network for a row: cells of the columns, or arrays. */
function inputsOf(row) {
    if (!data.columns) return row;
    return [Float32Array.from(data.columns.flatMap((column, i) => ENCODERS[column.kind](column, row[i])))];
}

/** The outputs for a row: {labels, values} each; null if an index is outside of a table. */
function predict(row) {
    const results = data.outputs.map(output => new Float64Array(output.size));
    if (network(inputsOf(row), results)) return null;
    return data.outputs.map((output, i) => OUTPUTS[output.kind](output, results[i]));
}

const OUTPUTS = {
    value(output, result) {
        const [mean, std] = output.restore ?? [0, 1];
        return {labels: [], values: Array.from(result, x => x * std + mean)};
    },
    flags: (output, result) => ({labels: Array.from(result, x => +(x > 0.5)), values: Array.from(result)}),
    classes(output, result) {
        const labels = [], values = [];
        for (let i = 0; i < result.length / output.scores; i++) {
            const p = result[i];
            const all = output.is_pair ? [1 - p, p] : Array.from(
                result.subarray(i * output.scores, i * output.scores + output.labels.length));
            labels.push(all.reduce((best, value, k) => value > all[best] ? k : best, 0));
            values.push(...all);
        }
        return {labels, values};
    },
};

/** The outputs of all example rows, as the program prints them that compares them before the file is written. */
function words() {
    return rows.flatMap(row => predict(row).flatMap(({labels, values}) => [...labels, ...values]));
}

/** The largest difference of an output of the example rows from that of the model, as a share. */
function largestDifference() {
    let largest = 0;
    const outputs = rows.map(predict);
    expected.forEach((all, k) => {
        const scale = all.reduce((most, x) => Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most, 1);
        outputs.flatMap(row => row[k].values).forEach((value, i) => {
            const share = Object.is(value, all[i]) ? 0 : Math.abs(value - all[i]) / scale;
            if (!(share <= largest)) largest = share;
        });
    });
    return largest;
}
