"""The arithmetic of "Step through" in the browser against Python's: convolution, pooling, blur and transposed."""

import json
from typing import Any

import numpy as np
from playwright.sync_api import Page

from cnn_demo.convolution import (
    ACTIVATIONS,
    PADDING_MODES,
    POOLINGS,
    ConvSpec,
    activate,
    blur_pool,
    convolve,
    explain_pixel,
    explain_window,
    pool,
    transposed_convolve,
)
from cnn_demo.ui.components import home, with_imports
from cnn_demo.ui.components.conv_player import Operation

COMPUTE = """async ([text, cases]) => {
  const { planOf, prepared, tapsOf, resultOf, stampCounts } = await import(URL.createObjectURL(
    new Blob([text], { type: "text/javascript" })))
  return cases.map(({ operation, size, values, step }) => {
    const plan = planOf(operation, size)
    if ("problem" in plan) return { problem: plan.problem }
    const plane = prepared(plan, values)
    const index = Math.floor(step * plan.walk[0] * plan.walk[1])
    return {
      out: plan.out, values: [...resultOf(plan, plane)], index, walk: plan.walk,
      begun: [...resultOf(plan, plane, index)].map((value) => (Number.isNaN(value) ? null : value)),
      taps: tapsOf(plan, plane, index), counts: operation.kind === "transposed" ? [...stampCounts(plan)] : [],
    }
  })
}"""
SIZES = ((12, 12), (8, 24), (9, 7), (1, 1), (24, 8))


def convolutions(draw: np.random.Generator) -> list[tuple[Operation, np.ndarray]]:
    cases = []
    for number in range(48):
        shape = ((3, 3), (5, 5), (2, 4), (1, 7), (15, 15))[number % 5]
        padding = ("same", "valid", (2, 2), (9, 9))[number // 2 % 4]
        operation = Operation(
            "convolution",
            shape,
            draw.standard_normal(shape).astype(np.float32),
            ((1, 1), (2, 2), (3, 1))[number % 3],
            ((1, 1), (2, 2), (1, 3))[number // 3 % 3],
            padding,
            PADDING_MODES[number % 4],
            bool(number % 2),
            number % 5 / 4 - 0.5,
            list(ACTIVATIONS)[number % len(ACTIVATIONS)],
        )
        cases.append((operation, draw.random(SIZES[number // 5 % len(SIZES)], dtype=np.float32)))
    return cases


def poolings(draw: np.random.Generator) -> list[tuple[Operation, np.ndarray]]:
    cases = []
    for number in range(60):
        kind = (*POOLINGS, "blur")[number % 5]
        size = ((2, 2), (3, 3), (1, 1), (4, 2), (8, 8), (1, 3))[number // 5 % 6]
        padding = (0, 0) if kind == "blur" or number % 2 else (size[0] - 1, size[1] // 2)
        stride = ((1, 1), (2, 2), (3, 1), (5, 4))[number // 3 % 4]
        plane = draw.random(SIZES[number // 7 % 5], dtype=np.float32)
        plane = np.round(plane * 4) / 4 if number % 4 == 3 else plane - 0.3  # with several equal maxima
        cases.append((Operation(kind, size, stride=stride, padding=padding), plane.astype(np.float32)))
    return cases


def transposed(draw: np.random.Generator) -> list[tuple[Operation, np.ndarray]]:
    cases = []
    for number in range(24):
        shape = ((3, 3), (2, 2), (4, 5), (1, 1), (8, 8))[number % 5]
        operation = Operation(
            "transposed",
            shape,
            draw.standard_normal(shape).astype(np.float32),
            ((2, 2), (1, 1), (3, 2), (4, 4))[number % 4],
            ((1, 1), (2, 1))[number // 4 % 2],
            ((0, 0), (1, 1), (4, 4))[number % 3],
            bias=number % 3 / 4,
        )
        cases.append((operation, draw.random(SIZES[number // 4 % len(SIZES)], dtype=np.float32)))
    return cases


def computed(operation: Operation, plane: np.ndarray) -> np.ndarray | None:
    """The result by Python; None if the operation does not fit."""
    try:
        if operation.kind == "convolution":
            values = convolve(plane, operation.weights, spec_of(operation), operation.bias)
            return activate(values, operation.activation)
        if operation.kind == "transposed":
            settings = {"padding": operation.padding, "dilation": operation.dilation, "bias": operation.bias}
            return transposed_convolve(plane, operation.weights, operation.stride, **settings)
        if operation.kind == "blur":
            return blur_pool(plane, operation.size, operation.stride)
        return pool(plane, operation.kind, operation.size, operation.stride, operation.padding)
    except ValueError:
        return None


def spec_of(operation: Operation) -> ConvSpec:
    return ConvSpec(operation.stride, operation.padding, operation.mode, operation.dilation, operation.flip)


def check_step(operation: Operation, plane: np.ndarray, found: dict[str, Any]) -> None:
    """Compare what one step reads with Python's arithmetic of it."""
    row, column = divmod(found["index"], found["walk"][1])
    weights = [tap["weight"] for tap in found["taps"]]
    values = [tap["value"] for tap in found["taps"]]
    if operation.kind == "convolution":
        opened = explain_pixel(plane, operation.weights, spec_of(operation), 0, row, column)
        np.testing.assert_allclose(weights, opened.kernel.ravel(), atol=1e-6)
        np.testing.assert_allclose(values, opened.window.ravel(), atol=1e-6)
        assert [tap["inside"] for tap in found["taps"]] == opened.inside.ravel().tolist()
    elif operation.stride[0] == operation.stride[1] and operation.padding == (0, 0) and operation.kind != "transposed":
        opened = explain_window(plane, operation.kind, operation.size, operation.stride[0], row, column)
        np.testing.assert_allclose(weights, opened.weights.ravel(), atol=1e-6)
        np.testing.assert_allclose(values, opened.window.ravel(), atol=1e-6)


def test_the_browser_steps_as_python_computes(page: Page) -> None:
    draw = np.random.default_rng(11)
    cases = [*convolutions(draw), *poolings(draw), *transposed(draw)]
    sent = [
        {"operation": operation.data(), "size": plane.shape, "values": plane.ravel().tolist(), "step": draw.random()}
        for operation, plane in cases
    ]
    text = with_imports(home("conv_player") / "player_math.js", set())
    results = page.evaluate(COMPUTE, [text, json.loads(json.dumps(sent))])
    compared = dict.fromkeys((operation.kind for operation, _ in cases), 0)
    for (operation, plane), found in zip(cases, results, strict=True):
        expected = computed(operation, plane)
        if expected is None:
            assert found["problem"].endswith("."), operation
            continue
        assert "problem" not in found, (operation, found)
        values = np.reshape(found["values"], found["out"])
        np.testing.assert_allclose(values, expected, atol=3e-5, err_msg=str(operation))
        check_step(operation, plane, found)
        compared[operation.kind] += 1
        if operation.kind == "transposed":
            ones = transposed_convolve(
                np.ones(plane.shape),
                np.ones(operation.size),
                operation.stride,
                operation.padding,
                0,
                operation.dilation,
            )
            np.testing.assert_allclose(np.reshape(found["counts"], found["out"]), ones, atol=1e-4)
            begun = plane.ravel().copy()
            begun[found["index"] :] = 0
            some = computed(operation, begun.reshape(plane.shape))
            np.testing.assert_allclose(np.reshape(found["begun"], found["out"]), some, atol=3e-5)
        else:
            assert [value is not None for value in found["begun"]].count(True) == found["index"]
    assert min(compared.values()) >= 8, compared
    assert sum(compared.values()) >= 90, compared


def test_a_kernel_that_does_not_fit_gets_one_sentence(page: Page) -> None:
    operation = Operation("convolution", (9, 9), np.ones((9, 9)), padding="valid")
    text = with_imports(home("conv_player") / "player_math.js", set())
    cases = [{"operation": operation.data(), "size": [8, 8], "values": [0] * 64, "step": 0}]
    (found,) = page.evaluate(COMPUTE, [text, cases])
    assert found["problem"].startswith("The kernel spans 9 × 9 cells, and the padded crop has 8 × 8: ")
