// The page is read without this script. It lets people filter the table of all settings, and draws what is only drawn on demand.
const read = id => JSON.parse(document.getElementById(id).textContent);

// The libraries lie in the page as gzip in base64, and are unpacked when something needs them.
const unpacked = async id => {
  const packed = await fetch("data:application/gzip;base64," + document.getElementById(id).textContent.trim());
  return new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).text();
};

let charts;
const plotly = () => charts ??= unpacked("plotly").then(text => {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
  return window.Plotly;
});

const INK = { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1d2330" };
const QUIET = { displaylogo: false, displayModeBar: false, responsive: true };

const filter = content => ({ extend: "dropdown", icon: "search", text: "Filter", content: [content] });

const filterTable = async () => {
  const table = document.getElementById("settings");
  const source = URL.createObjectURL(new Blob([await unpacked("datatables")], { type: "text/javascript" }));
  const { default: DataTable } = await import(source);
  URL.revokeObjectURL(source);
  const choices = table.dataset.choices.split(" ").map(Number);
  new DataTable(table, {
    order: [], ordering: { indicators: false }, pageLength: 12, lengthMenu: [12, 50, { label: "all", value: -1 }], autoWidth: false,
    layout: { topStart: null, topEnd: "search", bottomStart: ["pageLength", "info"], bottomEnd: "paging" },
    language: { search: "Search in all columns:", lengthMenu: "_MENU_ rows", info: "_START_ to _END_ of _TOTAL_" },
    columnControl: { target: 1, content: [filter("search")] },
    columnDefs: [{ targets: choices, columnControl: { target: 1, content: [filter("searchList")] } }],
  });
};

const drawCoordinates = async () => {
  const place = document.getElementById("coordinates"), { dimensions, color, by } = read("coordinates-data");
  const canvas = document.createElement("canvas");
  if (!canvas.getContext("webgl") && !canvas.getContext("webgl2")) {
    place.replaceWith("This browser draws no WebGL, which parallel coordinates need. The table above holds the same results.");
    return;
  }
  const line = { color, colorscale: "Cividis", reversescale: true, showscale: true,
    colorbar: { title: { text: by, side: "right" }, thickness: 14 } };
  const layout = { margin: { l: 70, r: 60, t: 70, b: 20 }, font: INK, paper_bgcolor: "#fff" };
  (await plotly()).newPlot(place, [{ type: "parcoords", dimensions, line, labelangle: -12 }], layout, QUIET);
};

const DASHES = ["solid", "solid", "dot"], COLORS = ["#000000", "#0072B2", "#777777"];
const drawTrajectory = async place => {
  const { lines, value } = read(place.dataset.of);
  const traces = lines.map(({ setting, seconds, values }, order) => ({ x: seconds, y: values, name: setting, mode: "lines+markers",
    line: { shape: "hv", color: COLORS[order], dash: DASHES[order], width: 2 }, marker: { size: 5 } }));
  const layout = { margin: { l: 62, r: 10, t: 8, b: 44 }, font: INK, legend: { orientation: "h", y: 1.16 }, paper_bgcolor: "#fff",
    xaxis: { type: "log", title: { text: "seconds" }, exponentformat: "none" }, yaxis: { title: { text: value } } };
  (await plotly()).newPlot(place, traces, layout, QUIET);
};

const once = (element, draw) => {
  const seen = new IntersectionObserver(entries => {
    if (entries.some(entry => entry.isIntersecting)) { seen.disconnect(); draw(element); }
  }, { rootMargin: "300px" });
  seen.observe(element);
};
if (document.getElementById("settings")) once(document.getElementById("settings"), filterTable);
if (document.getElementById("coordinates")) once(document.getElementById("coordinates"), drawCoordinates);
document.querySelectorAll(".trajectory").forEach(place => once(place, drawTrajectory));
