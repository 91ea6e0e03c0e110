// Where the pixels of both pictures are on the screen. Positions are in CSS pixels of a frame, [down, to the right].

import { clamp } from "../shared.js"
import { dilatedSize, paddingAmounts } from "../conv_math.js"

/** @typedef {[number, number]} Point */

/**
 * A picture's place in its frame: pixel p begins at origin + p · scale, along each axis.
 * @typedef {{origin: Point, scale: Point}} Placement
 */

/**
 * Both frames, which have one size, and the pictures in them.
 * @typedef {{frame: Point, before: Placement, after: Placement, gap: number}} Placements
 */

/**
 * What the view shows of the pictures.
 * @typedef {object} View
 * @property {"beside" | "divider"} arrangement
 * @property {number} zoom - 1 is the whole picture.
 * @property {Point} centre - Position in the photo, in its pixels, that is in the middle if it is zoomed.
 * @property {boolean} enlarge - Whether a small result gets the photo's size.
 */

/**
 * Return where a pixel of the result lies on the photo: pixel p of the result covers p · stride + shift and on.
 * @param {Point} size - Of the photo.
 * @param {Point} kernelSize
 * @param {import("../conv_math.js").Spec} spec
 * @returns {Point} The shift, down and to the right.
 */
export function resultShift(size, kernelSize, spec) {
  const amounts = paddingAmounts(size, kernelSize, spec), span = dilatedSize(kernelSize, spec.dilation)
  return /** @type {Point} */ ([0, 1].map((axis) => (span[axis] - spec.stride[axis]) / 2 - amounts[axis][0]))
}

/**
 * Place both pictures.
 * @param {View} view
 * @param {Point} size - Of the photo.
 * @param {Point} out - Of the result.
 * @param {Point} stride
 * @param {Point} shift - From `resultShift`.
 * @param {Point} available - Height and width for a frame.
 * @param {Point} margin - Pixels of padding that can be seen around the photo when it is zoomed.
 * @returns {Placements}
 */
export function placements(view, size, out, stride, shift, available, margin) {
  const divider = view.arrangement === "divider"
  const axes = [0, 1]
  const enlarged = Math.min(size[0] / out[0], size[1] / out[1])
  const factor = axes.map((axis) => (divider ? stride[axis] : view.enlarge ? Math.max(enlarged, 1) : 1))
  const first = axes.map((axis) => (divider ? Math.min(0, shift[axis]) : 0))
  const room = axes.map((axis) => (divider
    ? Math.max(size[axis], shift[axis] + out[axis] * stride[axis]) - first[axis]
    : Math.max(size[axis], out[axis] * factor[axis])))
  const whole = Math.min(available[0] / room[0], available[1] / room[1])
  const frame = /** @type {Point} */ (room.map((side) => Math.max(1, side * whole)))
  const scale = whole * view.zoom
  const placed = (picture, pixel, origin, focus, around) => ({
    origin: /** @type {Point} */ (axes.map((axis) => {
      if (view.zoom === 1) return origin[axis]
      const extent = picture[axis] * pixel[axis], edge = around[axis]
      const lowest = Math.min(frame[axis] - extent - edge, edge)
      return clamp(frame[axis] / 2 - focus[axis] * pixel[axis], lowest, Math.max(edge, frame[axis] - extent - edge))
    })),
    scale: /** @type {Point} */ (pixel),
  })
  const before = placed(size, [scale, scale], first.map((at) => -at * whole), view.centre, margin.map((at) => at * scale))
  const pixel = factor.map((each) => each * scale)
  if (divider) {
    const origin = axes.map((axis) => before.origin[axis] + shift[axis] * scale)
    return { frame, before, after: { origin: /** @type {Point} */ (origin), scale: /** @type {Point} */ (pixel) }, gap: 0 }
  }
  const focus = axes.map((axis) => (view.centre[axis] - shift[axis]) / stride[axis])
  return { frame, before, after: placed(out, pixel, [0, 0], focus, [0, 0]), gap: 0 }
}

/**
 * Return the pixel at a point of a frame, or null outside of the picture.
 * @param {Point} point
 * @param {Placement} placement
 * @param {Point} size
 * @returns {Point | null}
 */
export function pixelAtPoint(point, placement, size) {
  const at = /** @type {Point} */ ([0, 1].map((axis) => Math.floor((point[axis] - placement.origin[axis]) / placement.scale[axis])))
  return at[0] >= 0 && at[1] >= 0 && at[0] < size[0] && at[1] < size[1] ? at : null
}

/**
 * Return the rectangle of some pixels, for SVG.
 * @param {number} row
 * @param {number} column
 * @param {number} height - In pixels of the picture.
 * @param {number} width
 * @param {Placement} placement
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export function rectangle(row, column, height, width, placement) {
  return {
    x: placement.origin[1] + column * placement.scale[1],
    y: placement.origin[0] + row * placement.scale[0],
    width: width * placement.scale[1],
    height: height * placement.scale[0],
  }
}

/**
 * Return the pixel of the result whose window has its middle nearest to a pixel of the photo.
 * @param {Point} pixel
 * @param {Point} out - Size of the result.
 * @param {Point} stride
 * @param {Point} shift - From `resultShift`.
 * @returns {Point}
 */
export function nearestResult(pixel, out, stride, shift) {
  return /** @type {Point} */ ([0, 1].map((axis) => {
    const at = (pixel[axis] + 0.5 - shift[axis]) / stride[axis] - 0.5
    return clamp(Math.ceil(at - 0.5), 0, out[axis] - 1)
  }))
}
