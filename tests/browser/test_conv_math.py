"""The browser's arithmetic of convolution against Python's: kernels, geometry, values and pictures at many settings."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from cnn_demo.convolution import (
    ACTIVATIONS,
    KERNELS,
    PADDING_MODES,
    Choice,
    ConvSpec,
    activate,
    convolve,
    explain_pixel,
    kernel,
    output_size,
    padding_amounts,
)
from cnn_demo.drawing.pictures import DISPLAYS, display_values, signed_scale
from cnn_demo.ui.components import home, with_imports

FOLDER = home("")
DRAWS = {
    (seed, name): kernel("random", size=15, seed=seed, distribution=name).ravel() * 15
    for seed in (0, 9999)
    for name in ("normal", "uniform", "sign")
}
COMPUTE = """async ([texts, cases]) => {
  const modules = await Promise.all(texts.map((text) => import(URL.createObjectURL(
    new Blob([text], { type: "text/javascript" })))))
  const { familyKernel, outputSize, paddingAmounts, windowCells, outputsUsing, convolve, activate, displayRange,
    writePicture, appliedKernel } = Object.assign({}, ...modules)
  const list = (values) => [...values]
  return {
    kernels: cases.kernels.map(({ family, parameters }) => list(familyKernel(family, parameters).weights)),
    results: cases.settings.map((it) => {
      const { size, kernelSize, spec } = it
      const planes = it.planes.map((plane) => Float32Array.from(plane))
      const out = outputSize(size, kernelSize, spec)
      if (!out) return null
      const result = convolve(planes, size, it.weights, kernelSize, spec, it.bias)
      activate(result.planes, it.activation)
      const range = displayRange(result.planes, out, it.display)
      const picture = new Uint8ClampedArray(4 * out[0] * out[1])
      writePicture(result.planes, it.display, range, picture)
      const cells = windowCells(...it.pixel, size, kernelSize, spec)
      const uses = outputsUsing(...it.inputPixel, size, kernelSize, spec)
      const applied = appliedKernel(it.weights, spec)
      return {
        out, amounts: paddingAmounts(size, kernelSize, spec), values: result.planes.map(list), range,
        picture: list(picture),
        window: cells.map(({ source }) => (source < 0 ? 0 : planes[0][source])),
        rows: cells.map(({ row }) => row), columns: cells.map(({ column }) => column),
        inside: cells.map(({ inside }) => inside),
        uses: uses.map(({ row, column, u, v }) => [row, column, applied[u * kernelSize[1] + v]]),
      }
    }),
  }
}"""


def kernel_cases() -> list[dict[str, Any]]:
    """Every family with each of its parameters at its ends, and some between two steps."""
    cases = []
    for family in KERNELS.values():
        default = {parameter.name: parameter.default for parameter in family.parameters}
        settings = [default]
        for parameter in family.parameters:
            values = parameter.choices if isinstance(parameter, Choice) else (parameter.minimum, parameter.maximum)
            settings += [default | {parameter.name: value} for value in values]
        settings += [default | {"angle": angle} for angle in (-135.0, 37.0, 90.0) if "angle" in default]
        settings += [default | {"size": size} for size in (4, 8) if "size" in default and family.name != "sobel"]
        cases += [{"family": family.name, "parameters": each} for each in settings]
    for case in cases:
        if case["family"] == "random":
            at = case["parameters"]["seed"], case["parameters"]["distribution"]
            case["parameters"] |= {"draws": DRAWS[at].tolist()}
    return cases


def settings_cases() -> list[dict[str, Any]]:
    """A hundred settings: strides, dilations, paddings, kernels of all shapes, photos down to one pixel."""
    draw = np.random.default_rng(5)
    strides, dilations = ((1, 1), (2, 2), (3, 3), (4, 4), (1, 3)), ((1, 1), (2, 2), (3, 3), (2, 1))
    shapes = ((3, 3), (1, 1), (2, 2), (4, 6), (1, 5), (5, 1), (7, 7), (15, 15))
    sizes = ((17, 23), (23, 17), (40, 31), (6, 9), (1, 1), (1, 12), (2, 2))
    paddings = ("same", "valid", (3, 3), (20, 20), (0, 2))
    cycles = [
        itertools.cycle(each)
        for each in (strides, dilations, shapes, sizes, paddings, PADDING_MODES, ACTIVATIONS, DISPLAYS, (False, True))
    ]
    cases = []
    for number in range(140):
        stride, dilation, shape, size, padding, mode, activation, display, grey = (next(each) for each in cycles)
        if number % 7 == 6:  # shifts the cycles against each other
            for each in cycles[number // 7 % 9 :]:
                next(each)
        image = draw.random((*size, 3), dtype=np.float32) if not grey else draw.random(size, dtype=np.float32)
        weights = draw.standard_normal(shape).astype(np.float32) / np.sqrt(np.prod(shape)).astype(np.float32)
        if number % 3 == 0:  # a kernel that is a column times a row
            weights = np.outer(weights[:, 0], weights[0]).astype(np.float32)
        if number % 20 == 19:
            weights = np.zeros(shape, np.float32)
        flip, bias = bool(number // 2 % 2), float((number % 5 - 2) / 4)
        cases.append(
            {"image": image, "weights": weights, "bias": bias, "activation": activation, "display": display}
            | {"spec": ConvSpec(stride, padding, mode, dilation, flip), "at": draw.random(4)}
        )
    return cases


def as_json(case: dict[str, Any]) -> dict[str, Any]:
    image, spec = case["image"], case["spec"]
    planes = [image] if image.ndim == 2 else [image[..., channel] for channel in range(3)]
    return {
        "planes": [plane.ravel().tolist() for plane in planes],
        "size": image.shape[:2],
        "weights": case["weights"].ravel().tolist(),
        "kernelSize": case["weights"].shape,
        "bias": case["bias"],
        "activation": case["activation"],
        "display": case["display"],
        "pixel": case["pixel"],
        "inputPixel": case["input_pixel"],
        "spec": {
            "stride": spec.stride,
            "padding": spec.padding,
            "mode": spec.padding_mode,
            "dilation": spec.dilation,
            "flip": spec.flip,
        },
    }


def fitting(case: dict[str, Any]) -> tuple[int, int] | None:
    try:
        return output_size(case["image"].shape[:2], case["weights"].shape, case["spec"])
    except ValueError:
        return None


def check(case: dict[str, Any], found: dict[str, Any]) -> None:
    """Compare the browser's results at one setting with Python's."""
    image, weights, spec = case["image"], case["weights"], case["spec"]
    assert tuple(found["out"]) == fitting(case)
    amounts = padding_amounts(image.shape[:2], weights.shape, spec)
    assert found["amounts"] == [list(pair) for pair in amounts]
    values = activate(convolve(image, weights, spec, case["bias"]), case["activation"])
    theirs = np.array(found["values"], np.float32).reshape(-1, *found["out"])
    np.testing.assert_allclose(np.moveaxis(theirs, 0, -1).reshape(values.shape), values, atol=3e-5)
    if case["display"] == "signed":
        assert found["range"]["scale"] == pytest.approx(signed_scale(values), abs=1e-5)
    picture = np.array(found["picture"], int).reshape(*found["out"], 4)
    shown = display_values(values, case["display"]).astype(int)
    shown = shown if shown.ndim == 3 else shown[..., None]
    assert np.abs(picture[..., :3] - shown).max() <= 2
    opened = explain_pixel(image, weights, spec, 0, *case["pixel"])
    for name in ("window", "inside"):
        np.testing.assert_allclose(np.reshape(found[name], weights.shape), getattr(opened, name), atol=1e-6)
    assert np.array_equal(np.reshape(found["rows"], weights.shape)[:, 0], opened.rows)
    assert np.array_equal(np.reshape(found["columns"], weights.shape)[0], opened.columns)
    # A pixel's uses are the result of an image in which it alone is one.
    impulse = np.zeros(image.shape[:2], np.float32)
    impulse[case["input_pixel"]] = 1
    sums = np.zeros(found["out"])
    for row, column, weight in found["uses"]:
        sums[row, column] += weight
    np.testing.assert_allclose(sums, convolve(impulse, weights, spec), atol=1e-5)


def test_the_browser_computes_as_python_does(page: Page) -> None:
    kernels, settings = kernel_cases(), settings_cases()
    for case in settings:
        height, width = fitting(case) or (1, 1)
        (rows, columns), at = case["image"].shape[:2], case["at"]
        case["pixel"] = int(at[0] * height), int(at[1] * width)
        case["input_pixel"] = int(at[2] * rows), int(at[3] * columns)
    texts = [with_imports(FOLDER / name, set()) for name in ("conv_math.js", "conv_kernels.js")]
    cases = {"kernels": kernels, "settings": [as_json(case) for case in settings]}
    found = page.evaluate(COMPUTE, [texts, json.loads(json.dumps(cases))])

    assert {case["family"] for case in kernels} == set(KERNELS)
    for case, weights in zip(kernels, found["kernels"], strict=True):
        parameters = {key: value for key, value in case["parameters"].items() if key != "draws"}
        expected = kernel(case["family"], **parameters)
        np.testing.assert_allclose(np.reshape(weights, expected.shape), expected, rtol=1e-5, atol=2e-6, err_msg=case)

    fits = [fitting(case) is not None for case in settings]
    assert [result is not None for result in found["results"]] == fits
    assert sum(fits) >= 100
    for case, result, fit in zip(settings, found["results"], fits, strict=True):
        if fit:
            check(case, result)
