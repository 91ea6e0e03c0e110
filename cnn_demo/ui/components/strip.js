// A network in one row, at one scale: each stop a stack of its feature maps. A radio group in drawings.

import { cleanUpOfCall, markChosen, onNewWidth, pickByArrow, radioButton, svgElement } from "./shared.js"

const LARGEST = 3.2, SMALLEST = 1.5, SCROLLED = 2.4 // CSS pixels for each value of a map
const VECTOR = [14, 96] // width, and greatest height, of a layer that has no maps but a vector

/**
 * @typedef {object} Stop
 * @property {string} title
 * @property {string} note
 * @property {string} group - Name of its block; may be empty.
 * @property {string} src - Data URL of its sheets, one below the other, the front one first.
 * @property {number} sheets - Number of sheets.
 * @property {[number, number]} size - Height and width of a sheet.
 * @property {string} alt
 *
 * @typedef {object} Data
 * @property {Stop[]} stops
 * @property {{start: number, end: number, title: string}[]} arcs - Skip connections, by the index of their stops.
 * @property {{label: string, probability: number}[]} bars - Probability of every class.
 * @property {number} chosen - Index of the chosen stop.
 * @property {string} label
 */

/**
 * Create an element of one class.
 * @param {string} name - Such as "div".
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElement}
 */
function node(name, className, text = "") {
  const element = document.createElement(name)
  element.className = className
  element.textContent = text
  return element
}

/**
 * Return the size of a stop's sheets on the page, and how far each is behind the one before it, in CSS pixels.
 * @param {Stop} stop
 * @param {number} unit - CSS pixels for each value of a map.
 * @returns {{width: number, height: number, step: number}}
 */
function geometry(stop, unit) {
  const [height, width] = stop.size
  if (width === 1 && height > 1) return { width: VECTOR[0], height: Math.min(VECTOR[1], height * 7), step: 0 }
  const step = stop.sheets > 1 ? Math.max(2, Math.min(5, Math.round(width * unit / 12))) : 0
  return { width: width * unit, height: height * unit, step }
}

/**
 * Draw the sheets of a stop.
 * @param {HTMLCanvasElement} canvas
 * @param {Stop} stop
 * @param {number} unit - CSS pixels for each value of a map.
 * @param {HTMLImageElement} [image] - The sheets; their frames alone are drawn while it is not decoded.
 */
function paint(canvas, stop, unit, image) {
  const { width, height, step } = geometry(stop, unit)
  const behind = step * (stop.sheets - 1), sharp = window.devicePixelRatio || 1
  canvas.style.width = `${width + behind}px`
  canvas.style.height = `${height + behind}px`
  canvas.width = Math.round((width + behind) * sharp)
  canvas.height = Math.round((height + behind) * sharp)
  const context = canvas.getContext("2d")
  context.scale(sharp, sharp)
  context.imageSmoothingEnabled = false
  for (let sheet = stop.sheets - 1; sheet >= 0; sheet--) {
    const x = sheet * step, y = behind - sheet * step
    if (image?.complete && image.naturalWidth) {
      context.drawImage(image, 0, sheet * stop.size[0], stop.size[1], stop.size[0], x, y, width, height)
    }
    context.strokeStyle = "rgba(128, 128, 128, 0.75)"
    context.lineWidth = 0.75
    context.strokeRect(x + 0.4, y + 0.4, width - 0.8, height - 0.8)
  }
}

/**
 * Create the buttons of all stops, those of a block in one group.
 * @param {HTMLElement} stops
 * @param {Data} data
 * @param {(index: number) => void} pick
 */
function build(stops, data, pick) {
  const groups = []
  data.stops.forEach((stop, index) => {
    const last = groups.at(-1)
    if (last && stop.group && last.dataset.group === stop.group) groups.push(last)
    else {
      const group = node("div", stop.group ? "group" : "group alone")
      group.dataset.group = stop.group
      group.append(node("div", "row"), node("div", "name", stop.group))
      groups.push(group)
    }
    const art = node("span", "art")
    art.append(document.createElement("canvas"))
    const button = radioButton(art, node("span", "title"), node("span", "note"))
    button.onclick = () => pick(index)
    groups.at(-1).firstChild.append(button)
  })
  stops.replaceChildren(...new Set(groups))
}

/**
 * Draw all stops at the largest scale that fits, and the arcs above them. In a narrow window the bars are left out, then
 * the sizes too, before one has to scroll.
 * @param {HTMLElement & Record<string, any>} root
 */
function layout(root) {
  const { data, images } = root.strip
  const outer = root.querySelector(".strip"), inner = root.querySelector(".inner")
  const buttons = [...root.querySelectorAll("button")]
  const draw = (unit) => buttons.forEach((button, at) =>
    paint(button.querySelector("canvas"), data.stops[at], unit, images[at]))
  const tooWide = () => inner.scrollWidth > outer.clientWidth
  for (const className of ["strip", "strip without-bars", "strip without-bars without-notes"]) {
    outer.className = className
    for (let unit = LARGEST; unit >= SMALLEST; unit -= 0.2) {
      draw(unit)
      if (!tooWide()) break
    }
    if (!tooWide()) break
  }
  if (tooWide()) { // on a phone one scrolls anyway
    outer.className = "strip"
    draw(SCROLLED)
  }
  outer.onscroll = () => {
    outer.classList.toggle("goes-on", outer.scrollLeft + outer.clientWidth < outer.scrollWidth - 4)
  }
  outer.onscroll()
  arcs(root, data, buttons)
}

/**
 * Draw the skip connections.
 * @param {HTMLElement} root
 * @param {Data} data
 * @param {HTMLElement[]} buttons - One for each stop.
 */
function arcs(root, data, buttons) {
  const svg = root.querySelector("svg"), origin = root.querySelector(".inner").getBoundingClientRect()
  svg.replaceChildren()
  for (const arc of data.arcs) {
    const [from, to] = [arc.start, arc.end].map((at) => buttons[at].querySelector("canvas").getBoundingClientRect())
    const top = Math.min(...[arc.start, arc.end].map((at) => buttons[at].getBoundingClientRect().top)) - origin.top - 20
    const [x1, x2] = [from, to].map((box) => box.left + box.width / 2 - origin.left)
    const [y1, y2] = [from, to].map((box) => box.top - origin.top - 3)
    const start = x1 + 4, end = x2 - 4, bend = Math.min(24, (end - start) / 3)
    const curve = `M${start},${y1} C${start},${top} ${start},${top} ${start + bend},${top} L${end - bend},${top} `
      + `C${end},${top} ${end},${top} ${end},${y2 - 5}`
    svg.append(
      svgElement("path", { d: curve }),
      svgElement("path", { class: "tip", d: `M${end - 4},${y2 - 6} h8 l-4,6 z` }),
      svgElement("text", { x: (start + end) / 2, y: top - 4 }, arc.title),
    )
  }
}

/**
 * Show the probabilities as bars.
 * @param {HTMLElement} box
 * @param {Data["bars"]} bars
 */
function showBars(box, bars) {
  const best = Math.max(...bars.map((bar) => bar.probability))
  box.replaceChildren(...bars.map((bar) => {
    const row = node("div", bar.probability === best ? "best" : "")
    row.setAttribute("role", "listitem")
    const track = node("span", "track"), fill = node("div", "bar")
    fill.style.width = `${bar.probability * 100}%`
    track.append(fill)
    const percentage = node("span", `percentage${bar.probability === best ? " best" : ""}`, `${Math.round(bar.probability * 100)}%`)
    row.append(node("span", bar.probability === best ? "best" : "", bar.label), track, percentage)
    return row
  }))
}

/**
 * Show the network.
 * @param {import("./shared.js").Component<Data>} component
 */
export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component
  const stops = parentElement.querySelector(".stops")
  const pick = (index) => setTriggerValue("pick", index)
  stops.setAttribute("aria-label", data.label)
  const shape = JSON.stringify(data.stops.map((stop) => [stop.group, stop.title, stop.note]))
  const old = parentElement.strip
  if (old?.shape !== shape) build(stops, data, pick)
  const buttons = [...stops.querySelectorAll("button")]
  buttons.forEach((button, at) => {
    const stop = data.stops[at]
    button.setAttribute("aria-label", stop.alt)
    button.title = stop.alt
    button.querySelector(".title").textContent = stop.title
    button.querySelector(".note").textContent = stop.note
  })
  markChosen(buttons, data.chosen)

  const pictures = JSON.stringify([data.stops.map((stop) => stop.src), data.bars])
  if (old?.shape !== shape || old?.pictures !== pictures) {
    const images = data.stops.map((stop) => Object.assign(new Image(), { src: stop.src }))
    const next = { data, images, shape, pictures }
    parentElement.strip = next
    showBars(parentElement.querySelector(".bars"), data.bars)
    if (!old) layout(parentElement)
    Promise.allSettled(images.map((image) => image.decode())).then(() => {
      if (parentElement.strip === next) layout(parentElement)
    })
  }

  const chosen = buttons[data.chosen], outer = parentElement.querySelector(".strip")
  if (chosen && old?.chosen !== data.chosen && outer.scrollWidth > outer.clientWidth) {
    outer.scrollLeft += chosen.getBoundingClientRect().left - outer.getBoundingClientRect().left - outer.clientWidth / 3
  }
  parentElement.strip.chosen = data.chosen
  stops.onkeydown = (event) => pickByArrow(event, buttons)
  parentElement.observer ??= onNewWidth(outer, () => layout(parentElement))
  return cleanUpOfCall(component, mount, () => {
    parentElement.observer?.disconnect()
    parentElement.observer = null
  })
}
