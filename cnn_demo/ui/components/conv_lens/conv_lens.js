// The photo before and after a convolution, computed in the browser while a visitor drags a slider of the page.
//
// Python's result comes as a picture with every run of the page, and is what figures, code and downloads are made of.
// The canvas above it shows the same values without the losses of its JPEG; where it cannot be drawn, the picture shows.

import { clamp, cleanUpOfCall, heightInWindow, markChosen, pickByArrow } from "../shared.js"
import { outputSize } from "../conv_math.js"
import { familyKernel } from "../conv_kernels.js"
import { nearestResult, pixelAtPoint, placements, resultShift } from "./lens_geometry.js"
import { Drawer } from "./drawing.js"
import { drawMarks, placeLayer, writeReading } from "./reading.js"
import { listen, listenToDivider } from "./pointing.js"
import { SliderWatch } from "./slider_watch.js"
import { cameraExists, cameraProblem, startCamera } from "./live_camera.js"

const LARGEST_PIXEL = 64 // CSS pixels of a pixel at the greatest zoom
const SQUARES_FROM = 3 // CSS pixels of a pixel from which it is shown as a square
const SMALL_SCALE = 0.5 // below it, effects of a few pixels can no longer be seen
const PHONE = 640 // CSS pixels of the window's width up to which the pictures share one frame
const GAP = 16 // CSS pixels between the pictures
const FOLLOW = 150 // milliseconds after which the reading follows a picture while a slider is dragged
const ANSWER = 1500 // milliseconds in which the server has responded for sure

/**
 * @typedef {object} LensData
 * @property {string} photo - Key of the photo.
 * @property {[number, number]} size - Of the photo.
 * @property {string} src - Python's result, a data URL.
 * @property {number} height - Its size.
 * @property {number} width
 * @property {Record<string, any>} settings
 * @property {Record<string, string[]>} controls - Keys of sliders, and the place of their value in the settings.
 * @property {{row: number, column: number, channel: number, pinned: boolean}} pixel
 * @property {{before: string, after: string}} alt
 * @property {{before: string, after: string, smallNote: string}} captions
 * @property {{title: string, sentence: string}} display
 * @property {Record<string, string>} activations - Titles by name.
 * @property {"beside" | "divider"} arrangement
 */

class Lens {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.part = (selector) => root.querySelector(selector)
    this.ending = new AbortController()
    this.views = this.part(".views")
    this.frames = { before: this.part(".view.before .frame"), after: this.part(".view.after .frame") }
    this.images = { before: this.part(".view.before img"), after: this.part(".view.after img") }
    this.layers = { before: this.part(".marks.before"), after: this.part(".marks.after") }
    this.panel = { grids: this.part(".grids"), words: this.part(".words") }
    this.view = { arrangement: "beside", zoom: 1, centre: [0, 0], enlarge: false }
    this.split = 0.5
    this.drawer = new Drawer(this.part(".view.after .pixels"), () => this.schedule())
    this.pictured = true // whether Python's last picture is decoded
    this.watch = new SliderWatch(() => this.data?.controls ?? {}, () => this.moved())
    this.onPhoto = () => this.schedule()
    document.addEventListener("cnn-demo-photo", this.onPhoto)
    this.observer = new ResizeObserver(() => this.layout())
    this.observer.observe(this.part(".lens"))
    window.addEventListener("resize", () => this.layout(), { signal: this.ending.signal })
    this.connect()
  }

  /** Listen to the visitor. */
  connect() {
    const { signal } = this.ending
    // After a release it is Python's turn.
    document.addEventListener("pointerup", () => this.drawer.postpone(undefined, ANSWER), { capture: true, signal })
    listen(this.views, {
      spotAt: (event) => this.spotAt(event),
      hover: (spot) => this.hover(spot),
      pick: (spot) => this.pick(spot),
      walk: (side, rows, columns) => this.walk(side, rows, columns),
      unpin: () => this.unpin(),
      zoomBy: (factor, event) => this.zoomBy(factor, event),
      panBy: (dx, dy) => this.panBy(dx, dy),
      whole: () => this.zoomBy(1 / this.view.zoom),
      zoomed: () => this.view.zoom > 1,
    }, signal)
    listenToDivider(this.part(".divider"), this.views, () => this.split, (place) => {
      this.split = place
      this.layout()
    }, signal)
    const arranged = [...this.root.querySelectorAll(".arrange button")]
    for (const button of arranged) {
      button.addEventListener("click", () => this.arrange(button.dataset.arrangement), { signal })
      button.addEventListener("keydown", (event) => pickByArrow(event, arranged), { signal })
    }
    const onClick = (selector, act) => this.part(selector).addEventListener("click", act, { signal })
    onClick(".zoom .in", () => this.zoomBy(1.5))
    onClick(".zoom .out", () => this.zoomBy(1 / 1.5))
    onClick(".zoom .whole", () => this.zoomBy(1 / this.view.zoom))
    onClick(".unpin", () => this.unpin())
    onClick(".live", () => this.toggleCamera())
    onClick(".freeze", () => this.freeze())
    this.part(".live").hidden = !cameraExists()
  }

  /**
   * Take the data of a run of the page.
   * @param {LensData} data
   * @param {(name: string, value: unknown) => void} send
   */
  update(data, send) {
    const first = !this.data
    const otherPhoto = this.data?.photo !== data.photo
    this.data = data
    this.send = send
    this.watch.answer(Object.fromEntries(Object.entries(data.controls).map(([key, path]) => [key, valueAt(data.settings, path)])))
    this.takePicture(data.src)
    this.images.before.alt = data.alt.before
    this.images.after.alt = data.alt.after
    for (const side of ["before", "after"]) {
      const label = `${data.alt[side]} Click, or move with the arrow keys, to pick a pixel; plus and minus zoom.`
      const frame = this.frames[side]
      if (frame.getAttribute("aria-label") !== label) frame.setAttribute("aria-label", label)
      frame.setAttribute("role", "application")
    }
    if (first || !this.arranged) this.view.arrangement = data.arrangement
    if (this.arranged === data.arrangement) this.arranged = null
    if (otherPhoto) Object.assign(this.view, { zoom: 1 })
    if (otherPhoto && this.camera && !first) this.stopCamera()
    this.takePixel(data.pixel, otherPhoto)
    this.render()
  }

  /**
   * Take Python's picture. It is decoded before it is shown, or the result would vanish for a moment.
   * @param {string} src
   */
  takePicture(src) {
    const picture = this.images.after
    if (picture.getAttribute("src") === src) return
    picture.src = src
    this.pictured = false
    const decoded = () => {
      if (this.ended || picture.getAttribute("src") !== src) return
      this.pictured = true
      this.render()
    }
    picture.decode().then(decoded, decoded)
  }

  /**
   * Take the pixel that Python has, unless the visitor has picked another one since.
   * @param {LensData["pixel"]} pixel
   * @param {boolean} otherPhoto
   */
  takePixel(pixel, otherPhoto) {
    const sent = this.sent
    if (otherPhoto || (sent && performance.now() - sent.at > ANSWER)) this.sent = null
    else if (sent) {
      const known = sent.row === null ? !pixel.pinned : pixel.pinned && sent.row === pixel.row && sent.column === pixel.column
      if (!known) return
      this.sent = null
      return
    }
    const same = this.pin && this.pinned && pixel.pinned && this.pinned[0] === pixel.row && this.pinned[1] === pixel.column
    if (same && !otherPhoto) return
    this.pin = pixel.pinned ? { side: "after", row: pixel.row, column: pixel.column } : null
    this.pinned = pixel.pinned ? [pixel.row, pixel.column] : null
  }

  /** The settings of Python, with the values of the sliders that a visitor has in hand. */
  effective() {
    const { settings, controls } = this.data
    if (!this.watch.values.size) return { settings, live: false, kernelLive: false }
    const merged = { ...settings, parameters: { ...settings.parameters } }
    let kernelLive = false
    for (const [key, { value }] of this.watch.values) {
      const path = controls[key]
      if (!path) continue
      if (path.length === 2) {
        merged.parameters[path[1]] = value
        kernelLive = true
      } else merged[path[0]] = value
    }
    return { settings: merged, live: true, kernelLive }
  }

  /** @returns {{job: import("./typed_engine.js").Job, key: string, live: boolean, enlarge: boolean}} */
  job() {
    const { settings, live, kernelLive } = this.effective()
    const kernel = kernelLive && settings.family
      ? familyKernel(settings.family, settings.parameters)
      : { weights: Float32Array.from(settings.weights), size: settings.kernelSize }
    const padding = settings.padding === "explicit" ? [settings.pad, settings.pad] : settings.padding
    const { bias, activation, display, grey, mode, flip } = settings
    const spec = { stride: [settings.stride, settings.stride], dilation: [settings.dilation, settings.dilation], padding, mode, flip }
    const key = JSON.stringify([[...kernel.weights], kernel.size, spec, bias, activation, display, grey])
    return { job: { kernel, spec, bias, activation, display, grey }, key, live, enlarge: settings.enlarge }
  }

  /** The picture to convolve: of the camera, or the photo if it has arrived. */
  image() {
    return this.cameraImage ?? photos().get(this.data.photo)?.image ?? null
  }

  /** A slider has moved. */
  moved() {
    this.schedule()
  }

  /** Draw in the next frame. */
  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null
      if (this.data && !this.ended) this.render()
    })
  }

  /** Compute what has changed, and draw. */
  render() {
    const image = this.image()
    const { job, key, live, enlarge } = this.job()
    this.view.enlarge = enlarge
    const out = outputSize(image ? image.size : this.data.size, job.kernel.size, job.spec)
    this.fail(!out && (live || this.cameraImage) ? "The kernel is larger than the padded photo." : "")
    const hurried = live || Boolean(this.cameraImage)
    if (image && out) this.drawer.draw({ image, job, key, out, hurried, scale: this.screenScale() })
    const shown = Boolean(image) && this.showsCanvas(image, key, out, hurried)
    this.drawer.engine.canvas.hidden = !shown
    this.images.after.classList.toggle("covered", shown)
    if (out) Object.assign(this, { current: { job, out, size: image ? image.size : this.data.size } })
    this.showBefore(image, job.grey)
    const shape = JSON.stringify([this.current?.out, this.current?.size, job.spec, job.kernel.size, this.view, shown, this.drawer.drawn?.every])
    if (hurried && shape === this.shape) this.follow()
    else this.layout()
    this.shape = shape
  }

  /** After a picture that lies where the one before did: its caption and its reading, which need not be as fast. */
  follow() {
    this.following ??= setTimeout(() => {
      this.following = null
      if (this.ended || !this.placed) return
      this.writeCaptions(this.placed)
      this.drawSpot()
    }, FOLLOW)
  }

  /** Pixels of the screen for a pixel of the result. */
  screenScale() {
    return this.placed ? Math.max(...this.placed.after.scale) * (window.devicePixelRatio || 1) : 1
  }

  /**
   * Whether the canvas is shown, not Python's picture: while its settings are newer, and where it has all pixels.
   * @param {import("./typed_engine.js").LensImage} image
   * @param {string} key
   * @param {[number, number] | null} out
   * @param {boolean} hurried
   * @returns {boolean}
   */
  showsCanvas(image, key, out, hurried) {
    const { drawn } = this.drawer
    if (drawn?.image !== image) return false
    if (hurried) return true
    if (!out) return false
    if (drawn.key === key && drawn.every === 1) return true
    return !this.pictured && drawn.out.every((side, axis) => side === out[axis])
  }

  /**
   * Show a sentence over the result, or none.
   * @param {string} sentence
   */
  fail(sentence) {
    const element = this.part(".failure")
    if (element.textContent !== sentence) element.textContent = sentence
    element.hidden = !sentence
  }

  /**
   * Show the picture before: the photo, its grey version, or a frame of the camera.
   * @param {import("./typed_engine.js").LensImage | null} image
   * @param {boolean} grey
   */
  showBefore(image, grey) {
    const photo = photos().get(this.data.photo)
    if (photo && this.images.before.getAttribute("src") !== photo.src) this.images.before.src = photo.src
    const canvas = this.part(".view.before canvas")
    const drawn = Boolean(image) && (grey || Boolean(this.cameraImage))
    canvas.hidden = !drawn
    this.images.before.classList.toggle("covered", drawn)
    if (!drawn || (this.beforeImage === image && this.beforeGrey === grey)) return
    Object.assign(this, { beforeImage: image, beforeGrey: grey })
    const [height, width] = image.size
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const bytes = grey ? new Uint8ClampedArray(image.bytes.length) : image.bytes
    if (grey) {
      const [plane] = image.grey()
      for (let i = 0, at = 0; i < plane.length; i++, at += 4) {
        bytes[at] = bytes[at + 1] = bytes[at + 2] = 255 * plane[i]
        bytes[at + 3] = 255
      }
    }
    canvas.getContext("2d").putImageData(new ImageData(bytes, width), 0, 0)
  }

  /** Whether the pictures share one frame. */
  get divided() {
    return this.view.arrangement === "divider" || window.innerWidth <= PHONE
  }

  /** Place everything. */
  layout() {
    if (!this.current || this.ended) return
    const { job, out, size } = this.current
    const width = this.views.clientWidth
    if (!width) return
    const phone = window.innerWidth <= PHONE
    const divided = this.divided
    this.part(".lens").dataset.arrangement = divided ? "divider" : "beside"
    this.part(".arrange").hidden = phone
    markChosen([...this.root.querySelectorAll(".arrange button")], divided ? 1 : 0)
    const tallest = phone ? Math.max(180, Math.round(0.32 * window.innerHeight)) : heightInWindow(460)
    const room = [tallest, divided ? width : Math.max(1, (width - GAP) / 2)]
    const shift = resultShift(size, job.kernel.size, job.spec)
    const view = { ...this.view, arrangement: divided ? "divider" : "beside" }
    const margin = job.spec.padding === "valid" ? [0, 0] : job.kernel.size.map((side, axis) => (side - 1) * job.spec.dilation[axis])
    const placed = placements(/** @type {any} */ (view), size, out, job.spec.stride, shift, /** @type {any} */ (room), /** @type {any} */ (margin))
    Object.assign(this, { placed, shift })
    const [frameHeight, frameWidth] = placed.frame
    this.views.style.height = `${frameHeight}px`
    this.views.classList.toggle("zoomed", view.zoom > 1)
    this.views.classList.toggle("squares", placed.before.scale[0] >= SQUARES_FROM)
    for (const side of /** @type {const} */ (["before", "after"])) {
      const left = side === "after" && !divided ? (width + GAP) / 2 : 0
      Object.assign(this.frames[side].style, { left: `${left}px`, top: "0px", width: `${frameWidth}px`, height: `${frameHeight}px` })
      placeLayer(this.layers[side], this.frames[side])
    }
    this.place(this.images.before, size, placed.before)
    this.place(this.part(".view.before canvas"), size, placed.before)
    const { canvas } = this.drawer.engine, every = this.drawer.drawn?.every ?? 1
    this.place(this.images.after, canvas.hidden ? [this.data.height, this.data.width] : out, placed.after)
    this.place(canvas, [canvas.height * every, canvas.width * every], placed.after)
    this.placeDivider(divided, placed)
    this.writeCaptions(placed)
    const level = `${view.zoom < 10 ? Number(view.zoom.toFixed(1)) : Math.round(view.zoom)}×`
    this.part(".zoom .whole").textContent = level
    this.part(".zoom .whole").setAttribute("aria-label", `${level}: show the whole picture`)
    this.part(".zoom .out").disabled = view.zoom <= 1
    this.part(".zoom .in").disabled = view.zoom >= this.mostZoom()
    this.drawSpot()
  }

  /**
   * Place an element of a picture in its frame.
   * @param {HTMLElement} element
   * @param {number[]} size - In pixels of the picture.
   * @param {import("./lens_geometry.js").Placement} placement
   */
  place(element, size, { origin, scale }) {
    Object.assign(element.style, {
      width: `${size[1]}px`, height: `${size[0]}px`, transform: `translate(${origin[1]}px, ${origin[0]}px) scale(${scale[1]}, ${scale[0]})`,
    })
  }

  /**
   * Place the divider, and cut the result off at its left.
   * @param {boolean} divided
   * @param {import("./lens_geometry.js").Placements} placed
   */
  placeDivider(divided, { frame }) {
    const divider = this.part(".divider"), pixels = this.part(".view.after .pixels")
    divider.hidden = !divided
    const x = this.split * frame[1]
    pixels.style.clipPath = divided ? `inset(0 0 0 ${x}px)` : ""
    this.part(".view.before .pixels").style.clipPath = divided ? `inset(0 ${frame[1] - x}px 0 0)` : ""
    Object.assign(divider.style, { left: `${x}px`, top: "0px", height: `${frame[0]}px` })
    divider.setAttribute("aria-valuenow", String(Math.round(100 * this.split)))
  }

  /** @param {import("./lens_geometry.js").Placements} placed */
  writeCaptions(placed) {
    const { data } = this
    const counted = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`
    const size = ([rows, columns]) => `${counted(rows, "row")} × ${counted(columns, "column")}.`
    const { out, size: photoSize, job } = this.current
    const before = this.cameraImage ? `Camera · ${size(photoSize)} Nothing is sent until you freeze a frame.` : data.captions.before
    const changed = this.cameraImage || this.watch.values.size
    const small = placed.after.scale[0] * (this.divided ? 1 / job.spec.stride[0] : 1)
    const note = small < SMALL_SCALE && !changed && this.view.zoom === 1
      ? ` ${data.captions.smallNote.replace("{scale}", `${Math.max(1, Math.round(small * 100))}%`)}` : ""
    const after = changed ? `After · ${size(out)} ${this.brightness(job)}` : `${data.captions.after}${note}`
    for (const [name, text] of [["before", before], ["after", after]]) {
      const element = this.part(`.captions .${name}`)
      if (element.textContent !== text) element.textContent = text
    }
  }

  /**
   * Return a sentence on the brightness of the result.
   * @param {import("./typed_engine.js").Job} job
   * @returns {string}
   */
  brightness(job) {
    const { title, sentence } = this.data.display
    const short = (value) => String(Number(value.toPrecision(3)))
    const range = this.drawer.drawn?.range
    if (job.display === "signed" && range) return `${title}: full colour is ±${short(range.scale)} or more.`
    if (job.display === "stretch" && range) return `${title}: black is ${short(range.low)}, white ${short(range.high)}.`
    return `${title}: ${sentence}`
  }

  /** The spot that is read: the one that is pinned, else the one under the pointer, else the middle. */
  spot() {
    const { out, size } = this.current
    const spot = this.pin ?? this.hovered
    if (!spot) return { side: "after", row: out[0] >> 1, column: out[1] >> 1 }
    const limits = spot.side === "after" ? out : size
    return { side: spot.side, row: Math.min(spot.row, limits[0] - 1), column: Math.min(spot.column, limits[1] - 1) }
  }

  /** Draw the marks, and write the arithmetic of the spot. */
  drawSpot() {
    const image = this.image()
    const { job, out, size } = this.current
    const spot = /** @type {import("./reading.js").Spot} */ (this.spot())
    this.part(".unpin").hidden = !this.pin
    if (!image) return
    const planes = job.grey ? image.grey() : image.colours()
    const channel = job.grey ? 0 : this.data.pixel.channel
    const scene = {
      job, out, size, plane: planes[channel], channel: job.grey ? "" : ["red", "green", "blue"][channel],
      activationTitle: this.data.activations[job.activation],
    }
    drawMarks(this.layers, spot, scene, this.placed)
    const sentence = writeReading(this.panel, spot, scene, this.part(".reading").clientWidth)
    if (this.pin) this.speak(sentence)
  }

  /**
   * Let a screen reader speak a sentence, at most every half second.
   * @param {string} sentence
   */
  speak(sentence) {
    clearTimeout(this.speaking)
    this.speaking = setTimeout(() => {
      const element = this.part(".spoken")
      if (!this.ended && element.textContent !== sentence) element.textContent = sentence
    }, 500)
  }

  /**
   * Return the pixel under the pointer, of the picture that is shown there.
   * @param {{clientX: number, clientY: number}} event
   * @returns {import("./reading.js").Spot | null}
   */
  spotAt(event) {
    if (!this.placed) return null
    const inside = (side) => {
      const box = this.frames[side].getBoundingClientRect()
      const at = [event.clientY - box.top, event.clientX - box.left]
      return at[0] >= 0 && at[1] >= 0 && at[0] <= box.height && at[1] <= box.width ? at : null
    }
    const at = inside("before")
    const side = this.divided ? (at && at[1] < this.split * this.placed.frame[1] ? "before" : "after") : at ? "before" : "after"
    const point = inside(side)
    const size = side === "before" ? this.current.size : this.current.out
    const pixel = point && pixelAtPoint(/** @type {any} */ (point), this.placed[side], size)
    return pixel ? { side, row: pixel[0], column: pixel[1] } : null
  }

  /** @param {import("./reading.js").Spot | null} spot */
  hover(spot) {
    const before = this.hovered
    if (before?.side === spot?.side && before?.row === spot?.row && before?.column === spot?.column) return
    this.hovered = spot
    if (!this.pin && this.placed && !this.pointed) {
      this.pointed = requestAnimationFrame(() => {
        this.pointed = null
        if (!this.ended) this.drawSpot()
      })
    }
  }

  /** @param {import("./reading.js").Spot} spot */
  pick(spot) {
    const { pin } = this
    if (pin && pin.side === spot.side && pin.row === spot.row && pin.column === spot.column) return this.unpin()
    this.setPin(spot, 0)
  }

  /**
   * Pin a spot, and tell Python the pixel of the result.
   * @param {import("./reading.js").Spot} spot
   * @param {number} delay - Milliseconds in which another spot may follow.
   */
  setPin(spot, delay) {
    this.pin = spot
    this.drawSpot()
    clearTimeout(this.sending)
    if (this.cameraImage) return
    const { out, job } = this.current
    const [row, column] = spot.side === "after"
      ? [spot.row, spot.column]
      : nearestResult([spot.row, spot.column], out, job.spec.stride, this.shift)
    this.pinned = [row, column]
    this.sent = { row, column, at: performance.now() }
    this.sending = setTimeout(() => this.send("point", { row, column }), delay)
  }

  /**
   * Move the pinned pixel of a picture.
   * @param {"before" | "after"} side
   * @param {number} rows
   * @param {number} columns
   */
  walk(side, rows, columns) {
    if (!this.current) return
    const { out, size } = this.current
    const limits = side === "after" ? out : size
    const from = this.pin?.side === side ? this.pin : { row: limits[0] >> 1, column: limits[1] >> 1 }
    const row = clamp(from.row + rows, 0, limits[0] - 1), column = clamp(from.column + columns, 0, limits[1] - 1)
    this.setPin({ side, row, column }, 150)
    this.keepInSight({ side, row, column })
  }

  /**
   * Pan a zoomed picture until a spot is in sight.
   * @param {import("./reading.js").Spot} spot
   */
  keepInSight(spot) {
    if (this.view.zoom === 1) return
    const { origin, scale } = this.placed[spot.side], { frame } = this.placed
    const at = [spot.row, spot.column].map((pixel, axis) => origin[axis] + (pixel + 0.5) * scale[axis])
    if (at.every((place, axis) => place > 0.08 * frame[axis] && place < 0.92 * frame[axis])) return
    this.view.centre = spot.side === "before"
      ? [spot.row + 0.5, spot.column + 0.5]
      : [spot.row, spot.column].map((pixel, axis) => (pixel + 0.5) * this.current.job.spec.stride[axis] + this.shift[axis])
    this.layout()
  }

  /** Let the pinned pixel go. */
  unpin() {
    if (!this.pin) return
    this.pin = this.pinned = null
    clearTimeout(this.sending)
    this.sent = { row: null, column: null, at: performance.now() }
    if (!this.cameraImage) this.send("point", { row: null, column: null })
    this.drawSpot()
  }

  /** The greatest zoom. */
  mostZoom() {
    const { placed, view } = this
    return placed ? Math.max(1, LARGEST_PIXEL * view.zoom / placed.before.scale[0]) : 1
  }

  /**
   * Zoom both pictures around a point of the screen, else around the pinned pixel or the middle.
   * @param {number} factor
   * @param {{clientX: number, clientY: number}} [event]
   */
  zoomBy(factor, event) {
    if (!this.placed) return
    const { view, placed } = this
    const zoom = clamp(view.zoom * factor, 1, this.mostZoom())
    const { origin, scale } = placed.before
    const box = this.frames.before.getBoundingClientRect(), after = this.frames.after.getBoundingClientRect()
    let at = placed.frame.map((side) => side / 2)
    if (event) {
      const frame = !this.divided && event.clientX >= after.left ? after : box
      at = [event.clientY - frame.top, event.clientX - frame.left]
    }
    let focus = at.map((place, axis) => (place - origin[axis]) / scale[axis])
    if (!event && this.pin && view.zoom === 1) {
      focus = this.pin.side === "before"
        ? [this.pin.row + 0.5, this.pin.column + 0.5]
        : [this.pin.row, this.pin.column].map((pixel, axis) => (pixel + 0.5) * this.current.job.spec.stride[axis] + this.shift[axis])
      at = placed.frame.map((side) => side / 2)
    }
    const next = scale.map((each) => each * zoom / view.zoom)
    view.centre = [0, 1].map((axis) => focus[axis] + (placed.frame[axis] / 2 - at[axis]) / next[axis])
    view.zoom = zoom < 1.02 ? 1 : zoom
    this.layout()
  }

  /**
   * @param {number} dx - In CSS pixels.
   * @param {number} dy
   */
  panBy(dx, dy) {
    const { frame, before } = this.placed
    // From where the picture is, not from where it could not go.
    this.view.centre = [dy, dx].map((by, axis) => (frame[axis] / 2 - before.origin[axis] - by) / before.scale[axis])
    this.layout()
  }

  /** @param {string} arrangement */
  arrange(arrangement) {
    if (this.view.arrangement === arrangement) return
    this.view.arrangement = arrangement
    this.arranged = arrangement
    this.layout()
    this.send("arrangement", arrangement)
  }

  /** Start the camera, or stop it. */
  async toggleCamera() {
    if (this.camera) return this.stopCamera()
    const button = this.part(".live")
    button.disabled = true
    try {
      const camera = await startCamera((image) => {
        this.cameraImage = image
        this.render()
      })
      if (this.ended) return camera.stop()
      this.camera = camera
      this.pin = this.pinned = null
      this.view.zoom = 1
      button.textContent = "Stop"
      button.setAttribute("aria-pressed", "true")
      this.part(".freeze").hidden = false
    } catch (error) {
      this.fail(cameraProblem(error))
    }
    button.disabled = false
  }

  stopCamera() {
    this.camera?.stop()
    this.camera = this.cameraImage = null
    const button = this.part(".live")
    button.textContent = "Live camera"
    button.setAttribute("aria-pressed", "false")
    this.part(".freeze").hidden = true
    this.render()
  }

  /** Make the frame the photo of the page. */
  freeze() {
    if (!this.camera) return
    const frame = this.camera.freeze()
    this.send("frame", frame)
  }

  release() {
    this.ended = true
    this.ending.abort()
    this.camera?.stop()
    this.watch.release()
    this.observer.disconnect()
    document.removeEventListener("cnn-demo-photo", this.onPhoto)
    for (const timer of [this.sending, this.speaking, this.following]) clearTimeout(timer)
    cancelAnimationFrame(this.frame)
    this.drawer.release()
  }
}

/**
 * Return the photos of the page by their keys; the component `conv_photo` brings them.
 * @returns {Map<string, {src: string, image: import("./typed_engine.js").LensImage}>}
 */
function photos() {
  const page = /** @type {any} */ (globalThis)
  return (page.cnnDemoPhotos ??= new Map())
}

/**
 * Return the value at a place of the settings.
 * @param {Record<string, any>} settings
 * @param {string[]} path
 * @returns {unknown}
 */
function valueAt(settings, path) {
  return path.reduce((value, key) => value?.[key], settings)
}

/**
 * Show the lens.
 * @param {import("../shared.js").Component<LensData>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.lens ??= new Lens(parentElement)
  parentElement.lens.update(data, setTriggerValue)
  return cleanUpOfCall(component, mount, () => {
    parentElement.lens?.release()
    parentElement.lens = null
  })
}
