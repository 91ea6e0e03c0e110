// Frames and curves over epochs, moved by one scrub bar. All of it is here at once: nothing is asked of the server.

import { clamp, svgElement } from "./shared.js"

const MARGIN = { left: 46, right: 10, top: 8, bottom: 32 }
const FRAME_MS = 280
const FILM_MS = 12000 // at most: a long training plays faster
const REDUCED_MOTION_FRAME_MS = 1000 // for those who have asked for less motion
const PLAY = "M5 3v18l15-9z"
const PAUSE = "M5 3h5v18H5zM14 3h5v18h-5z"

/**
 * @typedef {object} ChartData
 * @property {string} title
 * @property {{name: string, values: number[]}[]} lines - Curves, with a value for each epoch from 1.
 * @property {boolean} percent - Whether the values are fractions, shown as percentages.
 *
 * @typedef {object} Data
 * @property {string} sprite - Data URL of all frames, one below the other.
 * @property {boolean} smooth - Whether pixels are interpolated.
 * @property {number[]} frameEpochs - Epoch of each frame; the first is 0, before training. A frame stays until the next.
 * @property {number} last - Last finished epoch, which the scrub bar ends at.
 * @property {number} height - Of a frame in pixels, as is width.
 * @property {number} width
 * @property {number} maxWidth - In CSS pixels.
 * @property {ChartData[]} charts
 * @property {number} end - Last epoch of the charts.
 * @property {string} alt
 * @property {string} caption
 * @property {string} label
 */

/**
 * Write a value of a chart.
 * @param {number | undefined} value
 * @param {ChartData} chart
 * @returns {string}
 */
function formatValue(value, chart) {
  if (value === undefined) return "–"
  return chart.percent ? `${(value * 100).toFixed(1)}%` : value.toFixed(3)
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

/** One chart: its curves, and a marker at the epoch that is shown. */
class Chart {
  /**
   * @param {HTMLElement} parent - Parent of the chart.
   * @param {(epoch: number) => void} onScrub - Called with the epoch under the pointer.
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
      onScrub(Math.round((event.clientX - left - MARGIN.left) / this.pixelsPerEpoch))
    }
    this.svg.onpointerdown = (event) => { this.svg.setPointerCapture(event.pointerId); scrub(event) }
    this.svg.onpointermove = (event) => { if (event.buttons) scrub(event) }
  }

  /**
   * Draw the curves anew.
   * @param {ChartData} chart
   * @param {number} end - Last epoch of the axis.
   */
  draw(chart, end) {
    this.chart = chart
    const width = this.svg.clientWidth || 400
    const height = this.svg.clientHeight || 150
    const values = chart.lines.flatMap((line) => line.values)
    const high = chart.percent ? 1 : Math.max(...values, 0.1) * 1.04
    const low = 0
    this.pixelsPerEpoch = (width - MARGIN.left - MARGIN.right) / Math.max(end, 1)
    this.x = (epoch) => MARGIN.left + epoch * this.pixelsPerEpoch
    this.y = (value) => height - MARGIN.bottom - (value - low) / (high - low) * (height - MARGIN.top - MARGIN.bottom)
    this.svg.replaceChildren()
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    for (const value of ticks(low, high, 4)) {
      const y = this.y(value)
      const text = chart.percent ? `${Math.round(value * 100)}%` : Number(value.toPrecision(3))
      this.svg.append(
        svgElement("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
        svgElement("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, text),
      )
    }
    for (const epoch of ticks(0, end, Math.max(2, Math.floor(width / 70))).filter(Number.isInteger)) {
      this.svg.append(svgElement("text", { x: this.x(epoch), y: height - 17, "text-anchor": "middle" }, epoch))
    }
    this.svg.append(svgElement("text", { x: (width + MARGIN.left) / 2, y: height - 3, "text-anchor": "middle" }, "epoch"))
    chart.lines.forEach((line, at) => {
      const points = line.values.map((value, index) => `${this.x(index + 1)},${this.y(Math.min(value, high))}`)
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
   * Move the marker.
   * @param {number} epoch
   */
  show(epoch) {
    for (const end of ["x1", "x2"]) this.marker.setAttribute(end, this.x(epoch))
    const texts = this.chart.lines.map((line, at) => {
      const value = line.values[epoch - 1] // the curves begin after the first epoch
      this.dots[at].style.display = value === undefined ? "none" : ""
      if (value !== undefined) {
        this.dots[at].setAttribute("cx", this.x(epoch))
        this.dots[at].setAttribute("cy", this.y(value))
      }
      return (this.valueLabels[at].textContent = `${line.name} ${formatValue(value, this.chart)}`)
    })
    this.svg.setAttribute("aria-label", `${this.chart.title} after epoch ${epoch}: ${texts.join(", ")}`)
  }
}

/** The frames, their charts and the scrub bar. */
class Flipbook {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.at = null
    this.find = (selector) => root.querySelector(selector)
    this.input = this.find("input")
    this.button = this.find(".play")
    this.button.replaceChildren(svgElement("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }))
    this.button.firstChild.append(svgElement("path", { d: PLAY }))
    this.input.oninput = () => { this.pause(); this.show(Number(this.input.value)) }
    this.button.onclick = () => (this.timer ? this.pause() : this.play())
    this.charts = []
    this.observer = new ResizeObserver(() => this.draw())
    this.observer.observe(root)
  }

  /**
   * Take over new data.
   * @param {Data} book
   */
  update(book) {
    const followed = this.at === null || this.at === this.book.last
    this.book = book
    if (this.sprite?.src !== book.sprite) {
      const sprite = new Image() // all frames, one under the other: none is decoded again while the finger moves
      sprite.onload = () => { this.sprite = sprite; this.spriteEpochs = book.frameEpochs; this.paint() }
      sprite.src = book.sprite
    }
    this.root.style.setProperty("--video-width", `${book.maxWidth}px`)
    this.find("figcaption").textContent = book.caption
    this.input.max = book.last
    this.input.setAttribute("aria-label", book.label)
    if (this.charts.length !== book.charts.length) {
      this.find(".charts").replaceChildren()
      this.charts = book.charts.map(() => new Chart(this.find(".charts"), (epoch) => { this.pause(); this.show(epoch) }))
    }
    if (!this.timer && followed) this.at = book.last
    this.draw()
    this.pause(Boolean(this.timer))
  }

  /** Draw the charts anew, and show the frame. */
  draw() {
    if (!this.book) return
    this.book.charts.forEach((chart, at) => this.charts[at].draw(chart, this.book.end))
    this.show(this.at)
  }

  /**
   * Show an epoch.
   * @param {number} epoch
   */
  show(epoch) {
    this.at = clamp(epoch, 0, this.book.last)
    const name = this.at === 0 ? "before training" : `epoch ${this.at}`
    this.paint()
    const shown = this.book.frameEpochs.findLast((each) => each <= this.at)
    const when = shown === 0 ? "before training" : `after epoch ${shown}`
    this.find("canvas").setAttribute("aria-label", `${this.book.alt}, ${when}`)
    this.input.value = this.at
    this.input.setAttribute("aria-valuetext", name)
    this.find("output").textContent = name[0].toUpperCase() + name.slice(1)
    for (const chart of this.charts) chart.show(this.at)
  }

  /** Draw the frame. */
  paint() {
    const { width, height } = this.book
    const canvas = this.find("canvas")
    canvas.classList.toggle("smooth", Boolean(this.book.smooth))
    if (!this.sprite || this.spriteEpochs.at(-1) < this.at) return // the new frames are still being decoded
    const index = this.spriteEpochs.findLastIndex((epoch) => epoch <= this.at)
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    canvas.getContext("2d").drawImage(this.sprite, 0, index * height, width, height, 0, 0, width, height)
  }

  /** Show one frame after the other, to the last. */
  play() {
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches
    if (this.at === this.book.last) this.show(0)
    this.timer = setInterval(() => {
      this.show(this.at + 1)
      if (this.at === this.book.last) this.pause()
    }, reducedMotion ? REDUCED_MOTION_FRAME_MS : Math.min(FRAME_MS, FILM_MS / this.book.frameEpochs.length))
    this.pause(true)
  }

  /**
   * Stop, and show the button's other picture.
   * @param {boolean} [goOn] - Go on playing: only the button changes.
   */
  pause(goOn = false) {
    if (!goOn) { clearInterval(this.timer); this.timer = null }
    this.button.querySelector("path").setAttribute("d", goOn ? PAUSE : PLAY)
    this.button.setAttribute("aria-label", goOn ? "Pause" : "Play")
  }
}

/**
 * Show the flipbook.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function (component) {
  const { data, parentElement } = component
  parentElement.flipbook ??= new Flipbook(parentElement.querySelector(".flipbook"))
  parentElement.flipbook.update(data)
  return () => {
    parentElement.flipbook?.pause()
    parentElement.flipbook?.observer.disconnect()
    parentElement.flipbook = null
  }
}
