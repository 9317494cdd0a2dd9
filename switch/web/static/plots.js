// Draws the plots of Figures by uPlot, in the colours of the page.
"use strict";
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const draw = (figure) => {
    const plot = JSON.parse(figure.dataset.plot);
    figure.querySelectorAll(".uplot").forEach((each) => each.remove());
    const places = plot.places;
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const lines = ["--plot-1", "--plot-2", "--plot-3"];
    new uPlot({
      width: Math.max(240, figure.clientWidth),
      height: 200,
      cursor: { y: false },
      scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, values: (_, marks) => marks.map((mark) => (Number.isInteger(mark) ? places[mark] ?? "" : "")), space: 70 },
        { ...axis, size: 60 },
      ],
      series: [
        { label: plot.title.split(" by ")[1], value: (_, mark) => (mark === null ? "-" : places[mark]) },
        ...plot.series.map((series, index) => ({
          label: series.label,
          stroke: colour(lines[index]),
          fill: index ? undefined : `${colour(lines[index])}22`,
          width: 2,
          points: { show: places.length < 40, size: 5 },
          value: (_, value) => (value === null ? "-" : value.toLocaleString()),
        })),
      ],
    }, [places.map((_, index) => index), ...plot.series.map((series) => series.values)], figure);
  };
  const drawAll = () => document.querySelectorAll("figure[data-plot]").forEach(draw);
  drawAll();
  document.addEventListener("htmx:afterSettle", drawAll);
  let later = 0;
  addEventListener("resize", () => { clearTimeout(later); later = setTimeout(drawAll, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
