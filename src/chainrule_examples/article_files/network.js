"use strict";
// The formulas of the 2-3-1 network. kind: "mse" (sigmoid output), "linear" (linear output), both with half the
// mean squared error, or "bce" (sigmoid output, cross-entropy).
const sigmoid = z => 1 / (1 + Math.exp(-z));

function forward(p, x, kind) {
  const z = p.w.map((w, j) => w[0] * x[0] + w[1] * x[1] + p.b[j]);
  const a = z.map(sigmoid);
  const zo = a.reduce((sum, value, j) => sum + p.v[j] * value, 0) + p.c;
  return {z, a, zo, yhat: kind === "linear" ? zo : sigmoid(zo)};
}

function lossOf(row, y, kind) {
  if (kind !== "bce") return 0.5 * (row.yhat - y) ** 2;
  return Math.max(row.zo, 0) - row.zo * y + Math.log1p(Math.exp(-Math.abs(row.zo)));
}

function step(p, rows, rate, kind) {
  const n = rows.length, zero = () => [0, 0, 0];
  const g = {w: [[0, 0], [0, 0], [0, 0]], b: zero(), v: zero(), c: 0};
  const traces = rows.map(({x, y}) => {
    const t = forward(p, x, kind);
    t.loss = lossOf(t, y, kind);
    t.slope = kind === "mse" ? t.yhat * (1 - t.yhat) : 1;
    t.deltaO = (t.yhat - y) * t.slope;
    t.delta = t.a.map((a, j) => t.deltaO * p.v[j] * a * (1 - a));
    t.delta.forEach((d, j) => {
      g.v[j] += t.deltaO * t.a[j] / n;
      g.b[j] += d / n;
      g.w[j][0] += d * x[0] / n;
      g.w[j][1] += d * x[1] / n;
    });
    g.c += t.deltaO / n;
    return t;
  });
  const next = {
    w: p.w.map((w, j) => w.map((value, k) => value - rate * g.w[j][k])),
    b: p.b.map((value, j) => value - rate * g.b[j]),
    v: p.v.map((value, j) => value - rate * g.v[j]),
    c: p.c - rate * g.c,
  };
  return {traces, gradients: g, next, loss: traces.reduce((sum, t) => sum + t.loss, 0) / n};
}

function train(p, rows, rate, kind, epochs) {
  const losses = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const result = step(p, rows, rate, kind);
    losses.push(result.loss);
    p = result.next;
  }
  losses.push(step(p, rows, 0, kind).loss);
  return {losses, parameters: p};
}

if (typeof module !== "undefined") module.exports = {forward, step, train};
