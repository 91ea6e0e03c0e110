// A photo under its class map. All is here at once, so opacity, switches and divider follow the finger.

import { arrowStep, clamp, cleanUpOfCall, heightInWindow, keepTouch } from "./shared.js"

/**
 * @typedef {object} Layer - A class or an object.
 * @property {number} id - Its value in the class map.
 * @property {string} name
 * @property {string} colour - "#rrggbb".
 * @property {number} fraction - Fraction of the photo that it covers.
 * @property {string} note - Text of the legend in place of the fraction; may be empty.
 * @property {string} detail - Text added when one of its pixels is pointed at; may be empty.
 *
 * @typedef {object} Settings
 * @property {number} opacity - In percent.
 * @property {boolean} outline
 * @property {number | null} split - Where the divider is, from 0 to 1 of the width; null without it.
 * @property {number} threshold - Confidence in percent, below which pixels stay blank.
 *
 * @typedef {object} Data
 * @property {string} photo - Data URL, as are ids and confidence.
 * @property {string} ids - Class of each pixel, as a grey picture.
 * @property {string | null} confidence - Confidence of each pixel, 255 for 1, as a grey picture.
 * @property {Layer[]} classes - In the legend's order.
 * @property {number} height - In pixels, as is width.
 * @property {number} width
 * @property {Settings} settings
 * @property {string} alt
 * @property {string} legend
 * @property {string} hint
 * @property {number} maxHeight - In CSS pixels.
 */

/**
 * Load a picture.
 * @param {string} url
 * @returns {Promise<HTMLImageElement>}
 */
function load(url) {
  return new Promise((done, failed) => {
    const image = new Image()
    image.onload = () => done(image)
    image.onerror = failed
    image.src = url
  })
}

/**
 * Return the values of a grey picture, row by row.
 * @param {HTMLImageElement} image
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array}
 */
function pixelsOf(image, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height })
  const context = canvas.getContext("2d", { willReadFrequently: true })
  context.drawImage(image, 0, 0)
  const data = context.getImageData(0, 0, width, height).data
  const values = new Uint8Array(width * height)
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i]
  return values
}

/**
 * Return red, green and blue of "#rrggbb".
 * @param {string} hex
 * @returns {number[]}
 */
function colourOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))
}

/**
 * Write a fraction as a percentage.
 * @param {number} fraction
 * @returns {string}
 */
function percent(fraction) {
  if (fraction > 0 && fraction < 0.001) return "< 0.1%"
  return `${(fraction * 100).toFixed(fraction < 0.1 ? 1 : 0)}%`
}

/** The photo, its masks and their controls. */
class MaskView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.hidden = new Set()
    this.at = null
    this.canvas = this.find("canvas")
    this.frame = this.find(".frame")
    const changed = (read) => (event) => { read(event.target); this.draw() }
    this.find(".opacity").oninput = changed((input) => (this.settings.opacity = Number(input.value)))
    this.find(".threshold").oninput = changed((input) => (this.settings.threshold = Number(input.value)))
    this.find(".outline").onchange = changed((input) => (this.settings.outline = input.checked))
    this.find(".split").onchange = changed((input) => (this.settings.split = input.checked ? 0.5 : null))
    this.find(".all").onclick = () => {
      this.hidden = this.hidden.size ? new Set() : new Set(this.view.classes.map((layer) => layer.id))
      this.draw()
    }
    this.frame.onpointermove = (event) => this.point(event)
    this.frame.onpointerdown = (event) => this.point(event)
    this.frame.onpointerleave = (event) => { if (event.pointerType === "mouse") this.showPixel(null) }
    this.frame.onkeydown = (event) => this.step(event)
    const divider = this.find(".divider")
    keepTouch(divider)
    divider.onpointerdown = (event) => { divider.setPointerCapture(event.pointerId); event.stopPropagation() }
    divider.onpointermove = (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return
      event.stopPropagation()
      const box = this.frame.getBoundingClientRect()
      this.settings.split = clamp((event.clientX - box.left) / box.width, 0, 1)
      this.draw()
    }
    this.observer = new ResizeObserver(() => this.fit())
    this.observer.observe(root)
  }

  /**
   * Take over new data, once its pictures are loaded.
   * @param {Data} view
   */
  async update(view) {
    const token = (this.loading = {})
    this.frame.setAttribute("aria-label", `${view.alt} Move with the arrow keys to read the class of a pixel.`)
    const [photo, ids, confidence] = await Promise.all([
      load(view.photo), load(view.ids), view.confidence ? load(view.confidence) : null,
    ])
    if (this.loading !== token) return // newer data has come meanwhile
    const { width, height } = view
    const requested = JSON.stringify(view.settings)
    if (this.requested !== requested) { // the page moved the controls; otherwise they stay where the visitor left them
      this.requested = requested
      this.settings = { ...view.settings }
    }
    if (this.names !== JSON.stringify(view.classes.map((layer) => layer.name))) this.hidden = new Set()
    this.names = JSON.stringify(view.classes.map((layer) => layer.name))
    Object.assign(this, { view, photo })
    this.ids = pixelsOf(ids, width, height)
    this.confidence = confidence && pixelsOf(confidence, width, height)
    this.find(".blank").hidden = !confidence
    this.overlay = Object.assign(document.createElement("canvas"), { width, height })
    this.canvas.width = width
    this.canvas.height = height
    this.makeLegend()
    this.fit()
    this.showPixel(null)
    this.draw()
  }

  /** Size the photo to the room that the page has. */
  fit() {
    if (!this.view) return
    const { width, height, maxHeight } = this.view
    this.frame.style.width = `${Math.min(this.find(".stage").clientWidth, heightInWindow(maxHeight) * width / height)}px`
  }

  /** Create a switch for each layer. */
  makeLegend() {
    this.switches = new Map()
    this.find(".all").hidden = this.view.classes.length === 0
    this.find(".legend").setAttribute("aria-label", this.view.legend)
    this.find(".legend").replaceChildren(...this.view.classes.map((layer) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "class" })
      button.style.setProperty("--swatch", layer.colour)
      const [swatch, name, fraction] = ["i", "span", "b"].map((tag) => document.createElement(tag))
      name.textContent = layer.name
      fraction.textContent = layer.note || percent(layer.fraction)
      button.append(swatch, name, fraction)
      button.onclick = () => {
        if (!this.hidden.delete(layer.id)) this.hidden.add(layer.id)
        this.draw()
      }
      this.switches.set(layer.id, button)
      return button
    }))
  }

  /** Draw the photo and the masks as the controls have them. */
  draw() {
    if (!this.view) return
    const { width, height } = this.view
    const { opacity, outline, split, threshold } = this.settings
    const table = new Uint8Array(256 * 4)
    for (const layer of this.view.classes) {
      if (!this.hidden.has(layer.id)) table.set([...colourOf(layer.colour), 255], 4 * layer.id)
    }
    const context = this.overlay.getContext("2d")
    const image = context.createImageData(width, height)
    const { ids, confidence } = this
    const thickness = Math.max(1, Math.round(Math.max(width, height) / 480))
    const edge = thickness * width
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at]
      if (!table[4 * id + 3] || (confidence && confidence[at] < threshold * 2.55)) continue
      if (outline) {
        const column = at % width
        const inside = (column < thickness || ids[at - thickness] === id) && (column >= width - thickness || ids[at + thickness] === id) &&
          (at < edge || ids[at - edge] === id) && (at >= ids.length - edge || ids[at + edge] === id)
        if (inside) continue
      }
      image.data.set(table.subarray(4 * id, 4 * id + 4), 4 * at)
    }
    context.putImageData(image, 0, 0)
    const paint = this.canvas.getContext("2d")
    paint.globalAlpha = 1
    paint.drawImage(this.photo, 0, 0, width, height)
    const left = split === null ? 0 : Math.round(split * width)
    paint.globalAlpha = opacity / 100
    if (left < width) paint.drawImage(this.overlay, left, 0, width - left, height, left, 0, width - left, height)
    this.showControls()
  }

  /** Set the controls to the settings. */
  showControls() {
    const { opacity, outline, split, threshold } = this.settings
    for (const [selector, value] of [[".opacity", opacity], [".threshold", threshold]]) {
      const input = this.find(selector)
      input.value = value
      input.nextElementSibling.textContent = `${value}%`
    }
    this.find(".outline").checked = outline
    this.find(".split").checked = split !== null
    this.find(".divider").hidden = split === null
    if (split !== null) this.find(".divider").style.left = `${split * 100}%`
    for (const [id, button] of this.switches) button.setAttribute("aria-pressed", String(!this.hidden.has(id)))
    this.find(".all").textContent = this.hidden.size ? "Show all" : "Hide all"
  }

  /**
   * Read the pixel under the pointer.
   * @param {PointerEvent} event
   */
  point(event) {
    if (!this.view) return
    const box = this.frame.getBoundingClientRect()
    const column = clamp(Math.floor((event.clientX - box.left) / box.width * this.view.width), 0, this.view.width - 1)
    const row = clamp(Math.floor((event.clientY - box.top) / box.height * this.view.height), 0, this.view.height - 1)
    this.showPixel({ row, column })
  }

  /**
   * Move the cross by an arrow key; with Shift, further.
   * @param {KeyboardEvent} event
   */
  step(event) {
    const steps = this.view && arrowStep(event)
    if (!steps) return
    const far = event.shiftKey ? 40 : 8
    const from = this.at ?? { row: this.view.height >> 1, column: this.view.width >> 1 }
    this.showPixel({
      row: clamp(from.row + steps[0] * far, 0, this.view.height - 1),
      column: clamp(from.column + steps[1] * far, 0, this.view.width - 1),
    })
  }

  /**
   * Write the class of a pixel under the photo.
   * @param {{row: number, column: number} | null} at - The pixel; null for none.
   */
  showPixel(at) {
    this.at = at
    const cross = this.find(".cross")
    cross.hidden = !at
    for (const button of this.switches?.values() ?? []) button.classList.remove("here")
    const status = this.find(".status")
    if (!at) {
      status.textContent = this.view.hint
      return
    }
    const index = at.row * this.view.width + at.column
    cross.style.left = `${(at.column + 0.5) / this.view.width * 100}%`
    cross.style.top = `${(at.row + 0.5) / this.view.height * 100}%`
    const layer = this.view.classes.find((each) => each.id === this.ids[index])
    if (!layer) {
      status.textContent = "None of the classes of this network."
      return
    }
    this.switches.get(layer.id).classList.add("here")
    const swatch = document.createElement("i")
    swatch.style.background = layer.colour
    const name = Object.assign(document.createElement("strong"), { textContent: layer.name })
    const suffix = this.confidence ? `, confidence ${Math.round(this.confidence[index] / 2.55)}%` : layer.detail ? `, ${layer.detail}` : ""
    status.replaceChildren(swatch, name, document.createTextNode(suffix))
  }
}

/**
 * Show the masks.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement } = component
  parentElement.maskView ??= new MaskView(parentElement.querySelector(".view"))
  parentElement.maskView.update(data)
  return cleanUpOfCall(component, mount, () => {
    parentElement.maskView?.observer.disconnect()
    parentElement.maskView = null
  })
}
