// Images and sounds as inputs: a canvas to draw on, a microphone to speak into, and files.
import { DrawingArea, T, html, useEffect, useRef, useState } from "./core.js";
import { classColor, color } from "./charts.js";

const SIDE = 16; // points of a drawing along each side of a pixel of a small image
const LARGEST = 640; // points of a drawing along a side, unless the image has more pixels
const base64 = (buffer) => { let text = ""; for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte); return btoa(text); };

function File({ accept, onChange }) {
  const input = useRef();
  const take = async (file) => onChange(base64(await file.arrayBuffer()), file);
  return html`<button class="button small" onClick=${() => input.current.click()}>${T("choose_file")}</button><input ref=${input} type="file" accept=${accept} hidden onChange=${(event) => event.target.files[0] && take(event.target.files[0])} />`;
}

const pointsOf = ([width, height]) => Math.max(1, Math.min(SIDE, Math.floor(LARGEST / Math.max(width, height))));

// The boxes of objects, in pixels of the image, with class and score; a table beside the image has them as text.
function Boxes({ records, size: [width, height] }) {
  const classes = [...new Set(records.map((record) => record.class))], share = (part, whole) => `${(100 * part) / whole}%`;
  return records.map((record) => {
    const tone = classColor(classes.indexOf(record.class)), { left, top, right, bottom } = record;
    const place = { left: share(left, width), top: share(top, height), width: share(right - left, width), height: share(bottom - top, height), borderColor: tone };
    return html`<i class="box ${top < 0.12 * height ? "inside" : ""}" aria-hidden="true" style=${place}><span style=${{ borderColor: tone }}>${record.class} ${record.score.toFixed(2)}</span></i>`;
  });
}

// An image that is drawn on. The size is that of the row, from which the drawing starts.
export function Picture({ file, map, boxes, onChange }) {
  const place = useRef(), over = useRef(), last = useRef(null);
  const [shows, setShows] = useState(false), [size, setSize] = useState([8, 8]);
  const image = (text, then) => { const picture = new Image(); picture.onload = () => then(picture); picture.src = `data:image/png;base64,${text}`; };
  const show = (text) => image(text, (picture) => {
    const canvas = place.current, pen = canvas.getContext("2d");
    const pixels = [picture.width, picture.height];
    [canvas.width, canvas.height] = pixels.map((count) => count * pointsOf(pixels));
    setSize(pixels);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  });
  useEffect(() => { if (file) show(file); }, []);
  useEffect(() => {
    const canvas = over.current, rows = shows && map ? map : [];
    canvas.width = rows[0]?.length ?? 1; canvas.height = rows.length || 1;
    const pen = canvas.getContext("2d"), limit = Math.max(1e-12, ...rows.flat().map(Math.abs));
    rows.forEach((row, y) => row.forEach((value, x) => { pen.globalAlpha = 0.85 * Math.abs(value) / limit; pen.fillStyle = color(value > 0 ? "--c0" : "--c1"); pen.fillRect(x, y, 1, 1); }));
  });
  const send = () => {
    const small = document.createElement("canvas"), canvas = place.current;
    [small.width, small.height] = size;
    const pen = small.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(canvas, 0, 0, small.width, small.height);
    onChange(small.toDataURL("image/png").split(",")[1]);
  };
  const draw = (right, down, begins) => {
    const canvas = place.current, pen = canvas.getContext("2d"), x = right * canvas.width, y = down * canvas.height;
    if (begins) last.current = null;
    pen.strokeStyle = "#fff"; pen.lineWidth = 1.15 * pointsOf(size) * Math.max(1, size[0] / 16); pen.lineCap = "round"; pen.lineJoin = "round";
    pen.beginPath(); pen.moveTo(...(last.current ?? [x, y])); pen.lineTo(x + 0.01, y); pen.stroke();
    last.current = [x, y];
    send();
  };
  const clear = () => { const canvas = place.current, pen = canvas.getContext("2d"); pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height); send(); };
  return html`<div class="stack tight"><div class="picture"><${DrawingArea} canvas=${place} label=${T("draw_image")} onDraw=${draw}><canvas ref=${over} class="map" aria-hidden="true"></canvas><${Boxes} records=${boxes} size=${size} /><//></div>
    <div class="row"><button class="button small" onClick=${clear}>${T("clear")}</button><${File} accept="image/*" onChange=${(text) => { show(text); onChange(text); }} /><button class="chip" aria-pressed=${shows} disabled=${!map} onClick=${() => setShows(!shows)}>${T("show_map")}</button></div><p class="small soft">${T("draw_image_text")} ${T("draw_keys")}</p></div>`;
}

function wave(parts, rate) { // a file of 16-bit samples, one channel
  const count = parts.reduce((sum, part) => sum + part.length, 0), view = new DataView(new ArrayBuffer(44 + 2 * count));
  const word = (at, text) => [...text].forEach((sign, i) => view.setUint8(at + i, sign.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); word(8, "WAVEfmt "); view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true); word(36, "data"); view.setUint32(40, 2 * count, true);
  let at = 44;
  for (const part of parts) for (const value of part) { view.setInt16(at, Math.max(-1, Math.min(1, value)) * 32767, true); at += 2; }
  return view.buffer;
}

export function Recorder({ onChange }) {
  const [recording, setRecording] = useState(null), [failed, setFailed] = useState(false), [taken, setTaken] = useState(null);
  useEffect(() => () => taken && URL.revokeObjectURL(taken.url), [taken]);
  const take = (text, content, name) => { setTaken({ name, url: URL.createObjectURL(content) }); onChange(text); };
  const start = async () => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true }), context = new AudioContext(), parts = [];
      const node = context.createScriptProcessor(4096, 1, 1);
      node.onaudioprocess = (event) => parts.push(event.inputBuffer.getChannelData(0).slice());
      context.createMediaStreamSource(stream).connect(node); node.connect(context.destination);
      setFailed(false);
      setRecording({ stop: () => { stream.getTracks().forEach((track) => track.stop()); node.disconnect(); const file = wave(parts, context.sampleRate); take(base64(file), new Blob([file], { type: "audio/wav" }), T("recording")); context.close(); setRecording(null); } });
    } catch { setFailed(true); }
  };
  return html`<div class="stack tight"><div class="row"><button class="button small ${recording ? "primary" : ""}" onClick=${() => (recording ? recording.stop() : start())}>${T(recording ? "stop_recording" : "record")}</button><${File} accept="audio/*" onChange=${(text, file) => take(text, file, file.name)} /></div>${taken && html`<p class="small file-name">${taken.name}</p><audio controls src=${taken.url} aria-label=${taken.name}></audio>`}<p class="small soft">${T(failed ? "no_microphone" : "record_text")}</p></div>`;
}
