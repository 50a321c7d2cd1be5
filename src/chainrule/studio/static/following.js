// The training as the page follows it: frames and curves that come, and the commands that it gives.
import { NO_CURVE, attempt, get, state, takeProject, train, update } from "./core.js";

const MAX_FRAMES = 160; // frames whose distributions the page keeps

function merge(curve, news) {
  if (!news) return curve;
  const kept = news.every === curve.every ? curve.points.slice(0, news.start) : [];
  return { every: news.every, points: [...kept, ...news.points] };
}

function remember(frame) {
  const frames = state.frames;
  frames.set(frame.step, frame.histograms || {});
  if (frames.size > MAX_FRAMES) {
    const steps = [...frames.keys()].sort((a, b) => a - b);
    steps.filter((_, i) => i % 2 === 1 && i < steps.length - 2).forEach((step) => frames.delete(step));
  }
}

async function poll() {
  const { losses, epochs } = state;
  const latest = state.latest?.step ?? -1;
  const query = `training?step=${latest}&final=${state.latest?.is_final ? 1 : 0}&losses=${losses.points.length}&losses_every=${losses.every}&epochs=${epochs.points.length}&epochs_every=${epochs.every}`;
  const record = await get(query);
  if (record.version !== state.project.version || (record.changes ?? 0) !== (state.project.options?.learning_rate_at.length ?? 0)) {
    const { version } = state.project, project = await get("project");
    if (version === state.project.version) takeProject(project); // otherwise a change was answered meanwhile
    return;
  }
  if (record.run !== state.training.run && (losses.points.length || epochs.points.length)) { // another training began
    update({ training: record, losses: NO_CURVE, epochs: NO_CURVE, frames: new Map(), latest: null });
    await poll();
    return;
  }
  const changes = { training: record, losses: merge(losses, record.losses), epochs: merge(epochs, record.epochs), offline: false };
  if (record.status === "none") Object.assign(changes, { latest: null });
  if (record.frame) {
    remember(record.frame);
    changes.latest = record.frame;
    if (state.step < 0) changes.frame = record.frame;
  }
  update(changes);
}

export async function follow() {
  for (;;) {
    try { await poll(); } catch (error) { update({ offline: true }); }
    const isActive = ["running", "starting", "evaluating"].includes(state.training.status);
    const wait = document.hidden ? 2000 : isActive ? 110 : 700;
    await new Promise((done) => setTimeout(done, wait));
  }
}

let isGoing = false; // one request at a time, then one for the newest step

// Show a step: while the slider moves, the nearest frame that is known; then the frame of the step itself.
export async function goTo(step, isExact = false) {
  const latest = state.latest?.step ?? 0;
  if (step >= latest) { update({ step: -1, frame: state.latest }); return; }
  update({ step, isExact });
  if (isGoing) return;
  isGoing = true;
  const query = () => `frame?step=${state.step}&exact=${state.isExact ? 1 : 0}`;
  for (let now = ""; state.step >= 0 && query() !== now;) {
    now = query();
    const frame = await get(now).catch((error) => update({ error, step: -1, frame: state.latest }));
    if (query() === now && frame?.step !== undefined) { remember(frame); update({ frame }); }
  }
  isGoing = false;
}

export const isRunning = () => ["running", "starting"].includes(state.training.status) && state.wants !== "pause";

export async function act(kind) {
  const step = state.training.step ?? 0, epoch = state.training.epoch ?? 0;
  update({ step: -1, frame: state.latest ?? state.frame, wants: kind });
  if (kind === "run") await train({ until: null, until_epoch: 0 });
  if (kind === "pause") await train({ until: 0, until_epoch: 0 });
  if (kind === "step") await train({ until: step + 1, until_epoch: 0 });
  if (kind === "epoch") await train({ until: 0, until_epoch: epoch + 1 });
  if (kind === "new") await train({ new: true, until: 0, until_epoch: 0 });
  await attempt(poll);
}
