// A chart of curves over the positions of a scrub bar, with a marker at the position that is shown.

import { clamp, svgElement } from "./shared.js"

const MARGIN = { left: 46, right: 10, top: 8, bottom: 32 }
const SMALLEST = 1e-30 // on a logarithmic axis, which has no zero
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

/**
 * @typedef {object} ChartData
 * @property {string} title
 * @property {{name: string, values: number[]}[]} lines - Curves: a value for each epoch from 1, or for each of `steps`.
 * @property {boolean} percent - Whether the values are fractions, shown as percentages.
 * @property {boolean} [log] - Whether the vertical axis is logarithmic.
 */

/**
 * Write a value of a chart.
 * @param {number | undefined} value
 * @param {ChartData} chart
 * @returns {string}
 */
function formatValue(value, chart) {
  if (value === undefined) return "–"
  if (chart.log) return value < 1e-4 || value >= 1e4 ? scientific(value) : String(Number(value.toPrecision(2)))
  return chart.percent ? `${(value * 100).toFixed(1)}%` : value.toFixed(3)
}

/**
 * Write a value as a power of ten, such as 2.5·10⁻⁷.
 * @param {number} value
 * @returns {string}
 */
function scientific(value) {
  if (value === 0) return "0"
  const [digits, exponent] = value.toExponential(1).split("e")
  const power = `10${[...String(Number(exponent))].map((sign) => (sign === "-" ? "⁻" : SUPERSCRIPTS[sign])).join("")}`
  return digits === "1.0" ? power : `${digits}·${power}`
}

/**
 * Return powers of ten for the ticks of a logarithmic axis.
 * @param {number} low
 * @param {number} high
 * @param {number} maxIntervals - Greatest number of intervals between them.
 * @returns {number[]}
 */
function logTicks(low, high, maxIntervals) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)]
  const every = Math.max(1, Math.ceil((last - first) / maxIntervals))
  const found = []
  for (let exponent = last; exponent >= first; exponent -= every) found.unshift(10 ** exponent)
  return found
}

/**
 * Return round values for the ticks of an axis.
 * @param {number} low
 * @param {number} high
 * @param {number} maxIntervals - Greatest number of intervals between them.
 * @returns {number[]}
 */
function ticks(low, high, maxIntervals) {
  const raw = (high - low) / maxIntervals || 1
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= raw * 0.999)
  const found = []
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(at)
  return found
}

/** One chart: its curves, and a marker at the position that is shown. */
export class Chart {
  /**
   * @param {HTMLElement} parent - Parent of the chart.
   * @param {(at: number) => void} onScrub - Called with the position under the pointer.
   */
  constructor(parent, onScrub) {
    this.title = document.createElement("p")
    this.title.className = "chart-title"
    this.svg = svgElement("svg", { role: "img" })
    const box = document.createElement("div")
    box.append(this.title, this.svg)
    parent.append(box)
    const scrub = (event) => {
      const left = this.svg.getBoundingClientRect().left
      onScrub(this.nearest(event.clientX - left))
    }
    this.svg.onpointerdown = (event) => { this.svg.setPointerCapture(event.pointerId); scrub(event) }
    this.svg.onpointermove = (event) => { if (event.buttons) scrub(event) }
  }

  /**
   * Draw the curves anew.
   * @param {ChartData} chart
   * @param {number} end - Last position of the axis.
   * @param {number[] | null} steps - Step of each position, on a logarithmic axis; else positions are epochs.
   */
  draw(chart, end, steps) {
    this.chart = chart
    this.end = end
    this.first = steps ? 0 : 1 // the curves of epochs begin after the first one
    const width = this.svg.clientWidth || 400
    const height = this.svg.clientHeight || 150
    const along = (at) => (steps ? Math.log10(1 + steps[at]) : at)
    const perUnit = (width - MARGIN.left - MARGIN.right) / Math.max(along(end), 1e-9)
    this.x = (at) => MARGIN.left + along(at) * perUnit
    this.drawVertical(width, height)
    const shown = steps
      ? [...steps.keys()].filter((at) => steps[at] === 0 || Number.isInteger(Math.log10(steps[at])))
      : ticks(0, end, Math.max(2, Math.floor(width / 70))).filter(Number.isInteger)
    for (const at of shown) {
      const text = steps ? steps[at].toLocaleString("en") : at
      this.svg.append(svgElement("text", { x: this.x(at), y: height - 17, "text-anchor": "middle" }, text))
    }
    const unit = steps ? "step" : "epoch"
    this.svg.append(svgElement("text", { x: (width + MARGIN.left) / 2, y: height - 3, "text-anchor": "middle" }, unit))
    chart.lines.forEach((line, at) => {
      const points = line.values.map((value, index) => `${this.x(index + this.first)},${this.y(value)}`)
      this.svg.append(svgElement("polyline", { class: `line${at}`, points: points.join(" ") }))
    })
    this.marker = svgElement("line", { class: "marker", y1: MARGIN.top, y2: height - MARGIN.bottom })
    this.dots = chart.lines.map((_, at) => svgElement("circle", { class: `line${at}`, r: 4.5 }))
    this.svg.append(this.marker, ...this.dots)
    this.title.replaceChildren(document.createTextNode(chart.title))
    this.valueLabels = chart.lines.map((line, at) => {
      const key = document.createElement("span")
      const number = document.createElement("span")
      key.className = `key line${at}`
      key.append(number)
      this.title.append(key)
      return number
    })
  }

  /**
   * Draw the vertical axis, and set `y`.
   * @param {number} width
   * @param {number} height
   */
  drawVertical(width, height) {
    const { percent, log, lines } = this.chart
    const values = lines.flatMap((line) => line.values).map((value) => (log ? Math.max(value, SMALLEST) : value))
    const scale = log ? Math.log10 : (value) => value
    const high = percent ? 1 : log ? Math.max(...values) : Math.max(...values, 0.1) * 1.04
    const low = log ? Math.min(...values, high / 10) : 0
    const perUnit = (height - MARGIN.top - MARGIN.bottom) / (scale(high) - scale(low))
    this.y = (value) => height - MARGIN.bottom - (scale(clamp(value, low, high)) - scale(low)) * perUnit
    this.svg.replaceChildren()
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    for (const value of log ? logTicks(low, high, 4) : ticks(low, high, 4)) {
      const y = this.y(value)
      const text = percent ? `${Math.round(value * 100)}%` : log ? scientific(value) : Number(value.toPrecision(3))
      this.svg.append(
        svgElement("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
        svgElement("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, text),
      )
    }
  }

  /**
   * Return the position nearest to a place on the horizontal axis.
   * @param {number} x - In CSS pixels.
   * @returns {number}
   */
  nearest(x) {
    let found = 0
    for (let at = 1; at <= this.end; at++) if (Math.abs(this.x(at) - x) < Math.abs(this.x(found) - x)) found = at
    return found
  }

  /**
   * Move the marker.
   * @param {number} position
   * @param {string} when - Name of the position.
   */
  show(position, when) {
    for (const end of ["x1", "x2"]) this.marker.setAttribute(end, this.x(position))
    const texts = this.chart.lines.map((line, at) => {
      const value = line.values[position - this.first]
      this.dots[at].style.display = value === undefined ? "none" : ""
      if (value !== undefined) {
        this.dots[at].setAttribute("cx", this.x(position))
        this.dots[at].setAttribute("cy", this.y(value))
      }
      return (this.valueLabels[at].textContent = `${line.name} ${formatValue(value, this.chart)}`)
    })
    this.svg.setAttribute("aria-label", `${this.chart.title} ${when}: ${texts.join(", ")}`)
  }
}
