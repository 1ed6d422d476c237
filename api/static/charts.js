// Charts by ECharts, drawn from the table beside them:
//
//   <figure data-chart="bar"><div class="chart-canvas"></div> … <table> … </figure>
//
// The first column holds the labels, each further column is a series. The font is waited for: what is
// drawn before a Chinese font is there stays empty. Tooltips are drawn, not written as HTML, because
// the policy of the server forbids style attributes.
(() => {
  "use strict";
  const FONT = '"Noto Sans SC"';
  const COLOURS = ["#1d4f91", "#b86e00", "#1a7a3c", "#8a3ab9", "#a11d1d", "#4b5563"];

  const read = (table) => {
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows];
    const labels = rows.map((row) => row.cells[0].textContent.trim());
    const series = names.map((name, index) => ({
      name,
      data: rows.map((row) => Number(row.cells[index + 1].textContent.replaceAll(",", ""))),
    }));
    return { labels, series };
  };

  const option = (kind, { labels, series }) => ({
    animation: false,
    color: COLOURS,
    textStyle: { fontFamily: FONT, fontSize: 13, color: "#1f2933" },
    aria: { enabled: false },
    grid: { left: 8, right: 16, top: series.length > 1 ? 36 : 16, bottom: 8, containLabel: true },
    legend: { show: series.length > 1, top: 0 },
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    xAxis: { type: "category", data: labels, axisLabel: { color: "#1f2933" } },
    yAxis: { type: "value", minInterval: 1, axisLabel: { color: "#1f2933" } },
    series: series.map((one) => ({
      ...one,
      type: kind === "line" ? "line" : "bar",
      stack: kind === "stack" ? "all" : undefined,
      barMaxWidth: 36,
    })),
  });

  const draw = async (figure) => {
    const data = read(figure.querySelector("table"));
    const text = [...data.labels, ...data.series.map((one) => one.name)].join("");
    await document.fonts.load(`14px ${FONT}`, text || "0");
    const canvas = figure.querySelector(".chart-canvas");
    const chart = window.echarts.getInstanceByDom(canvas) ?? window.echarts.init(canvas);
    chart.setOption(option(figure.dataset.chart, data), true);
    figure.dataset.drawn = "true";
  };

  const drawAll = (root) => root.querySelectorAll?.("figure[data-chart]").forEach(draw);

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  // A fragment that was put in place brings its own tables.
  document.addEventListener("htmx:after:swap", () => drawAll(document));
  window.addEventListener("resize", () => {
    for (const canvas of document.querySelectorAll(".chart-canvas")) {
      window.echarts.getInstanceByDom(canvas)?.resize();
    }
  });
})();
