// The only module that makes numbers of amounts, because a pixel needs a number and not every digit. What it writes beside
// the pixels are the graph's own texts: no text and no sum comes from a number.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { day } from "./clock.js";
import { html } from "./html.js";
import { grouped } from "./money.js";
import { Amount } from "./parts/amount.js";
import { isDark } from "./theme.js";
import { language, t } from "./text.js";

const HEIGHT = 220;

/** A bar as long as the value's share of the largest value. */
export function ShareBar({ value, among }) {
  const largest = Math.max(...among.map((one) => Math.abs(Number(one))));
  const share = largest ? (Math.abs(Number(value)) / largest) * 100 : 0;
  return html`
    <svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="rail" width="100" height="8" /><rect class="fill" width=${share} height="8" />
    </svg>
  `;
}

/** The equity of an account at the end of each day. The place has its height before the library is loaded. */
export function EquityChart({ reports, currency }) {
  const place = useRef();
  const shown = useSignal(reports.length - 1);
  const isOld = useSignal(false);
  useEffect(() => draw(place.current, reports, shown, isOld), [reports, isDark(), language.value]);
  const report = reports[shown.value] ?? reports.at(-1);
  const [lowest, highest] = extremes(reports);
  const words = { from: day(reports[0].day), to: day(reports.at(-1).day), lowest: grouped(lowest), highest: grouped(highest), currency };
  return html`
    <figure class="chart">
      <figcaption>
        <span>${day(report.day)}</span> <strong><${Amount} value=${report.equity} unit=${currency} /></strong>
      </figcaption>
      ${isOld.value && html`<p class="hint">${t("problem.UNKNOWN_DOCUMENT")}</p>`}
      <div class="plot" ref=${place} role="img" aria-label=${t("chart.summary", words)}></div>
    </figure>
  `;
}

/** The texts of the lowest and the highest equity. */
function extremes(reports) {
  const texts = reports.map((one) => one.equity).filter((one) => one !== null);
  const sorted = texts.toSorted((one, other) => Number(one) - Number(other));
  return [sorted[0], sorted.at(-1)];
}

/** Draw, and draw again when the place gets another width. Returns the function that removes the chart. */
function draw(place, reports, shown, isOld) {
  let plot;
  let isWanted = true;
  const resized = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT }));
  // The library is half of all code. It is loaded with the first chart and not with the page.
  import("uplot").then(
    ({ default: UPlot }) => {
      if (!isWanted) return;
      plot = new UPlot(options(UPlot, place, reports, shown), columns(reports), place);
      resized.observe(place);
    },
    // A newer server does not have the files of an older page.
    () => (isOld.value = true),
  );
  return () => {
    isWanted = false;
    resized.disconnect();
    plot?.destroy();
  };
}

function columns(reports) {
  const equities = reports.map((one) => (one.equity === null ? null : Number(one.equity)));
  return [reports.map((one) => Date.parse(one.day) / 1000), equities];
}

function options(UPlot, place, reports, shown) {
  const ink = getComputedStyle(place).color;
  const line = getComputedStyle(place).borderTopColor;
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const [lowest, highest] = extremes(reports);
  const style = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    // A day of the server's calendar is the same day in every time zone of a person.
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [({ cursor }) => (shown.value = cursor.idx ?? reports.length - 1)] },
    axes: [
      { ...style, size: 28, space: 72, values: (_, splits) => splits.map((seconds) => shortDay(seconds)) },
      // The axis names the two amounts that the graph gave, and none between them.
      { ...style, size: 96, splits: () => [Number(lowest), Number(highest)], values: () => [grouped(lowest), grouped(highest)] },
    ],
    series: [{}, { stroke: getComputedStyle(place).outlineColor, width: 1.5, points: { show: false } }],
  };
}

function shortDay(seconds) {
  return new Intl.DateTimeFormat(language.value, { day: "numeric", month: "short", timeZone: "UTC" }).format(seconds * 1000);
}
