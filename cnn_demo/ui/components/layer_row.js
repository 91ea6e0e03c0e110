// Layers in a row, all at one scale: a photo, and how its maps shrink and multiply. A radio group in drawings.

const SVG = "http://www.w3.org/2000/svg"
const PLATE = 2 // CSS pixels from one map to the one behind it
const TALLEST = 190
const NARROWEST = 72 // a label's room
const GAP = 22

function element(name, attributes) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}

function depth(volume) {
  return volume.index === 0 ? 0 : (volume.shape[2] - 1) * PLATE // the photo's three channels are one picture
}

function scaleOf(volumes, room) {
  const fits = (scale) => volumes.reduce(
    (sum, v) => sum + GAP + Math.max(NARROWEST, v.shape[1] * scale + depth(v)), 0) <= room
  let scale = TALLEST / Math.max(...volumes.map((v) => v.shape[0]))
  const smallest = scale * 0.3
  while (scale > smallest && !fits(scale)) scale *= 0.97
  return scale
}

function drawing(volume, scale) {
  const width = Math.max(2, volume.shape[1] * scale), height = Math.max(2, volume.shape[0] * scale)
  const behind = depth(volume)
  const svg = element("svg", { width: width + behind, height: height + behind, "aria-hidden": "true" })
  for (let offset = behind; offset > 0; offset -= PLATE) {
    svg.append(element("rect", { x: offset, y: behind - offset, width, height }))
  }
  const image = element("image", {
    x: 0, y: behind, width, height, preserveAspectRatio: "none", href: volume.src,
    class: volume.shape[1] * 1.5 < width ? "pixelated" : "",
  })
  svg.append(image, element("rect", { x: 0, y: behind, width, height, class: "front" }))
  return svg
}

function line(name, text) {
  const span = document.createElement("span")
  span.className = name
  span.textContent = text
  return span
}

function labelled(node, title, shape) {
  const text = document.createElement("span")
  text.className = "text"
  text.append(line("title", title), line("shape", shape))
  node.append(text)
  return node
}

function draw(row, data, pick) {
  const volumes = data.volumes.map((volume, index) => ({ ...volume, index }))
  const room = row.clientWidth - (data.problem ? NARROWEST + GAP : 0)
  const scale = scaleOf(volumes, room)
  const focused = row.getRootNode().activeElement?.dataset?.index
  const buttons = volumes.map((volume) => {
    const button = document.createElement("button")
    button.type = "button"
    button.dataset.index = volume.index
    button.setAttribute("role", "radio")
    button.setAttribute("aria-checked", String(volume.index === data.chosen))
    button.setAttribute("aria-label", volume.alt)
    button.tabIndex = volume.index === (data.chosen ?? 0) ? 0 : -1
    button.onclick = () => pick(volume.index)
    button.append(drawing(volume, scale))
    const [height, width, channels] = volume.shape
    return labelled(button, volume.title, `${height} × ${width} × ${channels}`)
  })
  if (data.problem) {
    const box = document.createElement("div")
    box.className = "problem"
    buttons.push(labelled(box, data.problem, "no maps"))
  }
  row.replaceChildren(...buttons)
  if (focused !== undefined) buttons[focused]?.focus({ preventScroll: true })
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const row = parentElement.querySelector(".row")
  const pick = (index) => setTriggerValue("pick", index)
  row.setAttribute("aria-label", data.label)
  row.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const count = parentElement.drawn.volumes.length
    const next = (Number(event.target.closest("button").dataset.index) + step + count) % count
    row.children[next].focus()
    pick(next)
  }
  parentElement.drawn = data
  draw(row, data, pick)
  if (!parentElement.observer) {
    let width = row.clientWidth
    parentElement.observer = new ResizeObserver(() => {
      if (row.clientWidth === width) return
      width = row.clientWidth
      draw(row, parentElement.drawn, pick)
    })
    parentElement.observer.observe(row)
  }
  return () => {
    parentElement.observer?.disconnect()
    parentElement.observer = null
  }
}
