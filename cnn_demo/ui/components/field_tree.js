// The units of each layer that influence one unit, down to the pixels, along one row of the photo. A tap or an arrow key
// chooses another unit.

import { arrowStep, clamp, cleanUpOfCall, svgElement } from "./shared.js"

const LEFT = 96, RIGHT = 8, TOP = 14, BARS = 54 // CSS pixels beside and below the tree

/**
 * @typedef {object} Row - The units of one layer, or the pixels. Positions are in pixels from the middle.
 * @property {string} label
 * @property {number} reach - Position of the outermost unit.
 * @property {number} spacing - Between two units.
 * @property {number[]} offsets - From a unit to those below it that it is computed from.
 * @property {number[]} positions
 *
 * @typedef {object} Tree
 * @property {Row[]} rows - From the top.
 * @property {number} size - Pixels of the receptive field.
 * @property {boolean} drawn - Whether every line is drawn; a hull is if not.
 * @property {{positions: number[], ways: number[], width: number}} bars - Number of paths to each pixel, relative to
 *   the most, and pixels to a bar.
 * @property {string} alt
 * @property {string} caption
 *
 * @typedef {(value: number) => number} Scale - From a position or a row to CSS pixels.
 * @typedef {HTMLElement & Record<string, any>} Figure
 */

/**
 * Append an SVG element.
 * @param {Element} svg
 * @param {string} name - Such as "path".
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 * @returns {any}
 */
function add(svg, name, attributes, text) {
  const element = svgElement(name, attributes, text)
  svg.append(element)
  return element
}

/**
 * Count the paths from one unit to every unit below it.
 * @param {Tree} tree
 * @param {number} row
 * @param {number} position
 * @returns {Map<number, number>[]} For each row, position to number of paths.
 */
function countPaths(tree, row, position) {
  const seen = tree.rows.map(() => new Map())
  seen[row].set(position, 1)
  for (let r = row; r + 1 < tree.rows.length; r++) {
    for (const [p, ways] of seen[r]) {
      for (const offset of tree.rows[r].offsets) {
        seen[r + 1].set(p + offset, (seen[r + 1].get(p + offset) ?? 0) + ways)
      }
    }
  }
  return seen
}

/**
 * Return the lines from units to those below them, as path data.
 * @param {Tree} tree
 * @param {Iterable<number>[]} units - For each row, the positions.
 * @param {Scale} x
 * @param {Scale} y
 * @returns {string}
 */
function paths(tree, units, x, y) {
  return tree.rows.slice(0, -1).map((row, r) =>
    [...units[r]].map((p) => row.offsets.map((o) => `M${x(p)} ${y(r)}L${x(p + o)} ${y(r + 1)}`).join("")).join("")
  ).join("")
}

/**
 * Draw the tree anew.
 * @param {Figure} figure
 * @param {Tree} tree
 */
function draw(figure, tree) {
  const svg = figure.querySelector("svg")
  const width = figure.clientWidth
  if (!width) return
  const step = tree.rows.length > 8 ? 30 : 38
  const bottom = TOP + step * (tree.rows.length - 1)
  const height = bottom + BARS
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.style.height = `${height}px`
  svg.setAttribute("aria-label", tree.alt)
  svg.setAttribute("role", tree.drawn ? "application" : "img")
  if (tree.drawn) svg.setAttribute("tabindex", "0")
  else svg.removeAttribute("tabindex")
  svg.replaceChildren()

  const room = width - LEFT - RIGHT
  const scale = Math.min(40, room / tree.size)
  const middle = LEFT + room / 2
  const x = (p) => Math.round((middle + p * scale) * 10) / 10
  const y = (r) => TOP + step * r
  tree.rows.forEach((row, r) => add(svg, "text", { x: 0, y: y(r) + 4 }, row.label))

  const chosen = figure.chosen ?? [0, 0]
  const seen = tree.drawn ? countPaths(tree, ...chosen) : null
  if (tree.drawn) {
    add(svg, "path", { class: "line", d: paths(tree, tree.rows.map((row) => row.positions), x, y) })
    const lines = seen.reduce((sum, units, r) => sum + units.size * tree.rows[r].offsets.length, 0)
    const opacity = clamp(150 / lines, 0.2, 0.75) // many lines would be one blot
    add(svg, "path", { class: "seen", d: paths(tree, seen.map((row) => row.keys()), x, y), opacity })
    drawDots(figure, svg, tree, seen, scale, x, y)
  } else {
    const edges = tree.rows.map((row, r) => [row.reach, r])
    const corners = [...edges.map(([e, r]) => [-e, r]), ...edges.reverse()]
    add(svg, "polygon", { class: "hull", points: corners.map(([p, r]) => `${x(p)},${y(r)}`).join(" ") })
  }
  drawBars(svg, tree, seen, scale, x, bottom, height)
}

/**
 * Draw a dot for each unit; a click chooses it.
 * @param {Figure} figure
 * @param {Element} svg
 * @param {Tree} tree
 * @param {Map<number, number>[]} seen - The units below the chosen one, as `countPaths` returns them.
 * @param {number} scale - CSS pixels of a pixel.
 * @param {Scale} x
 * @param {Scale} y
 */
function drawDots(figure, svg, tree, seen, scale, x, y) {
  tree.rows.forEach((row, r) => {
    const spacing = row.spacing * scale
    const radius = clamp(spacing * 0.36, 1, 6)
    for (const p of row.positions) {
      const on = seen[r].has(p)
      const dot = add(svg, "circle", { class: on ? "dot on" : "dot", cx: x(p), cy: y(r), r: radius })
      dot.addEventListener("click", () => choose(figure, tree, r, p))
    }
  })
}

/**
 * Choose a unit, and say how many pixels influence it.
 * @param {Figure} figure
 * @param {Tree} tree
 * @param {number} row
 * @param {number} position
 */
function choose(figure, tree, row, position) {
  figure.chosen = [row, position]
  draw(figure, tree)
  const count = countPaths(tree, row, position).at(-1).size
  figure.querySelector("[aria-live]").textContent =
    `Selected: ${tree.rows[row].label}, position ${position}: ${count} of ${tree.size} pixels influence it.`
}

/**
 * Choose a neighbour: left or right in the same row, or the nearest unit of the row above or below.
 * @param {Figure} figure
 * @param {KeyboardEvent} event
 */
function moveByKey(figure, event) {
  const step = figure.tree.drawn ? arrowStep(event) : undefined
  if (!step) return
  const [row, position] = figure.chosen ?? [0, 0]
  const to = clamp(row + step[0], 0, figure.tree.rows.length - 1)
  const units = figure.tree.rows[to].positions
  const distances = units.map((p) => Math.abs(p - position))
  const nearest = distances.indexOf(Math.min(...distances))
  choose(figure, figure.tree, to, units[clamp(nearest + step[1], 0, units.length - 1)])
}

/**
 * Draw the number of paths to each pixel.
 * @param {Element} svg
 * @param {Tree} tree
 * @param {Map<number, number>[] | null} seen - The units below the chosen one; null for the whole field.
 * @param {number} scale - CSS pixels of a pixel.
 * @param {Scale} x
 * @param {number} bottom - Lower end of the tree, in CSS pixels.
 * @param {number} height - Of the drawing, in CSS pixels.
 */
function drawBars(svg, tree, seen, scale, x, bottom, height) {
  const floor = height - 4, maxCount = Math.max(...tree.bars.ways), room = floor - bottom - 12
  const counts = seen?.at(-1)
  const highest = counts ? Math.max(...counts.values()) : maxCount
  tree.bars.positions.forEach((p, i) => {
    const ways = counts ? counts.get(p) ?? 0 : tree.bars.ways[i]
    const barHeight = room * ways / highest
    const barWidth = Math.max(0.5, tree.bars.width * scale - (tree.bars.width * scale > 4 ? 1 : 0))
    add(svg, "rect", { class: "bar on", x: x(p) - barWidth / 2, y: floor - barHeight, width: barWidth, height: barHeight })
  })
  add(svg, "text", { x: 0, y: floor - room / 2 + 4 }, "Paths to it")
}

/**
 * Show the tree.
 * @param {import("./shared.js").Component<Tree>} component
 */
export default function mount(component) {
  const { data: tree, parentElement } = component
  const figure = parentElement.querySelector("figure")
  const drawn = JSON.stringify(tree)
  if (figure.drawn !== drawn) {
    figure.drawn = drawn
    figure.tree = tree
    figure.chosen = null
    figure.querySelector("figcaption span").textContent = tree.caption
    figure.querySelector("[aria-live]").textContent = ""
    draw(figure, tree)
  }
  figure.querySelector("svg").onkeydown = (event) => moveByKey(figure, event)
  if (!figure.observer) {
    figure.observer = new ResizeObserver(() => draw(figure, figure.tree))
    figure.observer.observe(figure)
  }
  return cleanUpOfCall(component, mount, () => {
    figure.observer?.disconnect()
    figure.observer = figure.drawn = null
  })
}
