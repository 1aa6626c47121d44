/**
 * The numbers as a picture: two bars for each row, directly and through Crucible, each pair on a scale of its own, bars
 * without a counterpart on one common scale.
 */
import { quantity } from "./report.mjs";

const width = 860;
const labelWidth = 330;
const barWidth = 360;
const barHeight = 11;
const rowHeight = 40;
const top = 64;
const colours = { direct: "#8a8f98", crucible: "#d9622b" };

export function picture(rows) {
  const height = top + rows.length * rowHeight + 16;
  const mostAlone = Math.max(...rows.filter(({ direct }) => direct === undefined).map(({ crucible }) => crucible));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Measures of Crucible" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(20, 28, "The same scripted agent, directly and through Crucible", 'font-size="15" font-weight="600"'),
    legend(20, "direct", "directly"),
    legend(110, "crucible", "through Crucible"),
    text(width - 260, 50, "shorter is better, but longer for updates"),
    ...rows.flatMap((row, index) => bars(row, top + index * rowHeight, mostAlone)),
    "</svg>\n",
  ].join("\n");
}

function bars({ what, unit, direct, crucible }, y, mostAlone) {
  const most = direct === undefined ? mostAlone : Math.max(direct, crucible);
  const bar = (value, kind, at) => [
    `<rect x="${labelWidth}" y="${at}" width="${Math.max(1, (value / most) * barWidth).toFixed(1)}" height="${barHeight}" rx="2" fill="${colours[kind]}"/>`,
    text(labelWidth + (value / most) * barWidth + 8, at + 10, quantity(value, unit)),
  ];
  const label = text(20, y + 17, what);
  if (direct === undefined) return [label, ...bar(crucible, "crucible", y + 7)];
  return [label, ...bar(direct, "direct", y), ...bar(crucible, "crucible", y + barHeight + 3)];
}

function legend(x, kind, label) {
  return `<rect x="${x}" y="40" width="11" height="11" rx="2" fill="${colours[kind]}"/>\n${text(x + 16, 50, label)}`;
}

function text(x, y, content, attributes = "") {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#22262b" ${attributes}>${escaped}</text>`;
}
