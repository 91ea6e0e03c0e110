// Shapes of the annotator, in pixels of the picture, and their geometry.

import { clamp } from "./shared.js"

/** Class of a stroke that erases. */
export const ERASER = -1
/** Which corner of a box has the x and the y of each of its four corners. */
export const CORNERS = { nw: [0, 0], ne: [1, 0], sw: [0, 1], se: [1, 1] }
const MIN_SIDE = 2 // pixels: how narrow a box can be dragged

/**
 * @typedef {number[]} Point - x and y in pixels of the picture.
 *
 * @typedef {object} Shape
 * @property {"box" | "polygon" | "stroke"} kind
 * @property {number} classId - Index of the class; -1 for a stroke that erases.
 * @property {Point[]} points - Two corners of a box, the corners of a polygon, or the path of a stroke.
 * @property {number} [width] - Width of a stroke in pixels of the picture.
 */

/**
 * Return the distance of two points.
 * @param {Point} a
 * @param {Point} b
 * @returns {number}
 */
export function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1])
}

/**
 * Round a point to the precision that is sent to Python.
 * @param {Point} at
 * @returns {Point}
 */
export function rounded(at) {
  return at.map((value) => Math.round(value * 100) / 100)
}

/**
 * Return a box between two opposite corners.
 * @param {Point} a
 * @param {Point} b
 * @returns {Point[]} Upper left and lower right corner.
 */
export function boxBetween(a, b) {
  return [Math.min, Math.max].map((pick) => [pick(a[0], b[0]), pick(a[1], b[1])])
}

/**
 * Return whether a box is at least one pixel wide and high.
 * @param {Point[]} box
 * @returns {boolean}
 */
export function hasArea([[left, top], [right, bottom]]) {
  return right - left >= 1 && bottom - top >= 1
}

/**
 * Return a box after a move, within the picture.
 * @param {Point[]} box
 * @param {string} part - "whole" or a corner, such as "nw".
 * @param {Point} move - To the right and down, in pixels.
 * @param {Point} size - Width and height of the picture.
 * @returns {Point[]}
 */
export function movedBox([low, high], part, move, size) {
  const next = [[...low], [...high]]
  for (const axis of [0, 1]) {
    if (part === "whole") {
      const step = clamp(move[axis], -low[axis], size[axis] - high[axis])
      next[0][axis] += step
      next[1][axis] += step
    } else if (CORNERS[part][axis]) {
      next[1][axis] = clamp(high[axis] + move[axis], Math.min(low[axis] + MIN_SIDE, size[axis]), size[axis])
    } else {
      next[0][axis] = clamp(low[axis] + move[axis], 0, Math.max(high[axis] - MIN_SIDE, 0))
    }
  }
  return next.map(rounded)
}

/**
 * Return the smallest box around a point.
 * @param {Shape[]} shapes
 * @param {Point} at
 * @returns {number} Index of the shape; -1 if there is none.
 */
export function boxAt(shapes, at) {
  let best = -1, smallest = Infinity
  shapes.forEach(({ kind, points: [low, high] }, index) => {
    if (kind !== "box" || at.some((value, axis) => value < low[axis] || value > high[axis])) return
    const area = (high[0] - low[0]) * (high[1] - low[1])
    if (area < smallest) [best, smallest] = [index, area]
  })
  return best
}
