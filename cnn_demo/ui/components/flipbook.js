// Frames and curves over epochs, moved by one scrub bar. All of it is here at once: nothing is asked of the server.

import { Chart } from "./flipbook_chart.js"
import { clamp, cleanUpOfCall, svgElement } from "./shared.js"

const FRAME_MS = 280
const FILM_MS = 12000 // at most: a long training plays faster
const REDUCED_MOTION_FRAME_MS = 1000 // for those who have asked for less motion
const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)")
const PLAY = "M5 3v18l15-9z"
const PAUSE = "M5 3h5v18H5zM14 3h5v18h-5z"

/**
 * @typedef {object} FilmData
 * @property {string} title - Line above it; may be empty.
 * @property {string} sprite - Data URL of all frames, one below the other; a single one stays.
 * @property {boolean} smooth - Whether pixels are interpolated.
 * @property {number} frames - Number of frames.
 * @property {number} height - Of a frame in pixels, as is width.
 * @property {number} width
 * @property {string} alt
 *
 * @typedef {object} Data
 * @property {FilmData[]} films
 * @property {string} columns - Their columns, as CSS writes them.
 * @property {number[]} frameEpochs - Position of each frame; the first is 0, before training. A frame stays until the
 *   next.
 * @property {number[] | null} steps - Step of each position; if null, positions are epochs.
 * @property {number} last - Last position, which the scrub bar ends at.
 * @property {number} maxWidth - Of all films, in CSS pixels.
 * @property {import("./flipbook_chart.js").ChartData[]} charts
 * @property {number} end - Last position of the charts.
 * @property {string} caption
 * @property {string} label
 * @property {number} play - Another number than before, and not 0: play from the beginning.
 */

/** Frames that the scrub bar moves: a canvas, and all frames as one picture, so that none is decoded while it moves. */
class Film {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.canvas = document.createElement("canvas")
    this.canvas.setAttribute("role", "img")
    this.title = document.createElement("p")
    this.title.className = "film-title"
    const box = document.createElement("div")
    box.append(this.title, this.canvas)
    parent.append(box)
  }

  /**
   * Take over new frames.
   * @param {FilmData} film
   * @param {number[]} epochs - Position of each frame.
   */
  update(film, epochs) {
    this.film = film
    this.title.textContent = film.title
    this.title.hidden = !film.title
    const sprite = new Image()
    sprite.onload = () => {
      if (this.film !== film) return // newer frames have come since
      this.decoded = { ...film, sprite, epochs }
      this.paint()
    }
    sprite.src = film.sprite
  }

  /**
   * Show a position.
   * @param {number} at
   * @param {string} when - Name of the frame that is shown then.
   */
  show(at, when) {
    this.at = at
    this.canvas.setAttribute("aria-label", this.film.frames > 1 ? `${this.film.alt}, ${when}` : this.film.alt)
    this.paint()
  }

  /** Draw the frame of the position. */
  paint() {
    if (!this.decoded) return
    const { sprite, epochs, width, height, smooth, frames } = this.decoded
    if (frames > 1 && epochs.at(-1) < this.at) return // newer frames are still being decoded
    const index = frames > 1 ? epochs.findLastIndex((epoch) => epoch <= this.at) : 0
    this.canvas.classList.toggle("smooth", Boolean(smooth))
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height })
    this.canvas.getContext("2d").drawImage(sprite, 0, index * height, width, height, 0, 0, width, height)
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
    this.films = []
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
    if (this.films.length !== book.films.length) {
      this.find(".films").replaceChildren()
      this.films = book.films.map(() => new Film(this.find(".films")))
    }
    book.films.forEach((film, at) => this.films[at].update(film, book.frameEpochs))
    this.root.style.setProperty("--video-width", `${book.maxWidth}px`)
    this.root.style.setProperty("--columns", book.columns)
    this.root.classList.toggle("of-steps", Boolean(book.steps))
    this.find("figcaption").textContent = book.caption
    this.input.max = book.last
    this.input.disabled = this.button.disabled = book.last === 0
    this.input.setAttribute("aria-label", book.label)
    if (this.charts.length !== book.charts.length) {
      this.find(".charts").replaceChildren()
      this.charts = book.charts.map(() => new Chart(this.find(".charts"), (epoch) => { this.pause(); this.show(epoch) }))
    }
    const played = this.played
    this.played = book.play || played
    if (!this.timer && followed) this.at = book.last
    this.draw()
    if (book.play && book.play !== played && !REDUCED_MOTION.matches) this.play(0)
    else this.pause(Boolean(this.timer))
  }

  /** Draw the charts anew, and show the frame. */
  draw() {
    if (!this.book) return
    this.book.charts.forEach((chart, at) => this.charts[at].draw(chart, this.book.end, this.book.steps))
    this.show(this.at)
  }

  /**
   * Return the name of a position, such as "epoch 3".
   * @param {number} at
   * @returns {string}
   */
  name(at) {
    if (at === 0) return "before training"
    return this.book.steps ? `step ${this.book.steps[at].toLocaleString("en")}` : `epoch ${at}`
  }

  /**
   * Show a position.
   * @param {number} at
   */
  show(at) {
    this.at = clamp(at, 0, this.book.last)
    const name = this.name(this.at)
    const shown = this.book.frameEpochs.findLast((each) => each <= this.at)
    const after = (position) => (position === 0 ? "" : "after ") + this.name(position)
    for (const film of this.films) film.show(this.at, after(shown))
    this.input.value = this.at
    this.input.setAttribute("aria-valuetext", name)
    this.find("output").textContent = name[0].toUpperCase() + name.slice(1)
    for (const chart of this.charts) chart.show(this.at, after(this.at))
  }

  /**
   * Show one frame after the other, to the last.
   * @param {number} [from] - Position to begin with; by default the one that is shown, or the first after the last.
   */
  play(from = this.at === this.book.last ? 0 : this.at) {
    this.pause()
    this.show(from)
    const frame = REDUCED_MOTION.matches ? REDUCED_MOTION_FRAME_MS : Math.min(FRAME_MS, FILM_MS / this.book.frameEpochs.length)
    this.timer = setInterval(() => {
      this.show(this.at + 1)
      if (this.at === this.book.last) this.pause()
    }, frame)
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
export default function mount(component) {
  const { data, parentElement } = component
  parentElement.flipbook ??= new Flipbook(parentElement.querySelector(".flipbook"))
  parentElement.flipbook.update(data)
  return cleanUpOfCall(component, mount, () => {
    parentElement.flipbook?.pause()
    parentElement.flipbook?.observer.disconnect()
    parentElement.flipbook = null
  })
}
