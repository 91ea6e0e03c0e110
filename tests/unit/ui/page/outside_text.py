"""Finds text from outside that reaches the page without an escape: a taint analysis of the user interface's source.

Outside are names of files and classes, values of links and text fields, and errors, which may quote any of them. They
are followed through assignments, parameters, return values and the session state until they pass an escape. The
analysis ignores the order of statements, and tells variables apart by the function around them and their name.
"""

import ast
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

ESCAPES = {"plain", "escape"}  # for Markdown; for HTML and charts
OUTSIDE = {
    "name",
    "file_name",
    "labels",
    "error",
    "problem",
    "description",
    "reason",
    "strerror",
    "args",
    "device_name",
}
OWN = {  # objects whose `name` or `labels` are texts of the app
    "name": {"layer", "step", "last", "before", "maps", "metric"},
    "labels": {
        "find",
        "spec",
        "model",
        "prediction",
        "segmentation",
        "localization",
        "candidates",
        "record",
        "scan",
        "data",
    }
    | {"segmenter", "finder", "official", "validation", "sample"},
}
CALLS = {
    "from_zip",
    "with_photos",
    "text_input",
    "text_area",
    "chat_input",
    "wrong_settings",
}  # they return outside texts
TEXT_OF = {"str", "repr", "list", "tuple", "sorted", "set", "dict", "reversed", "zip", "enumerate", "next", "format"}
TEXT_OF |= {"join", "append", "extend", "DataFrame", "Series", "min", "max"}  # texts of their arguments
STATE = {"session_state", "query_params"}

MARKDOWN = {"markdown", "caption", "text", "title", "header", "subheader", "badge", "info", "warning", "error"}
MARKDOWN |= {"success", "toast", "latex", "html", "metric", "progress", "spinner", "status", "table", "write", "tabs"}
MARKDOWN |= {"button", "download_button", "link_button", "page_link", "form_submit_button", "popover", "expander"}
MARKDOWN |= {"image", "checkbox", "toggle", "radio", "pills", "segmented_control", "dialog", "write_stream", "feedback"}
MARKDOWN |= {"chat_message", "exception", "set_page_config", "Page", "menu_button"}
LABELLED = {"selectbox", "multiselect", "slider", "select_slider", "number_input", "file_uploader", "camera_input"}
LABELLED |= {"text_input", "text_area", "color_picker"}  # their options and values are shown as they are
COLUMNS = {"Column", "TextColumn", "NumberColumn", "ProgressColumn", "LinkColumn", "ImageColumn", "CheckboxColumn"}
COLUMNS |= {"ListColumn", "SelectboxColumn", "LineChartColumn", "BarChartColumn", "DatetimeColumn"}
CHARTS = {
    "Scatter",
    "Scattergl",
    "Bar",
    "Box",
    "Heatmap",
    "Histogram",
    "Pie",
    "Table",
    "Violin",
    "update_layout",
    "update_traces",
    "update_xaxes",
    "update_yaxes",
}
CHARTS |= {"add_annotation", "add_hline", "add_vline", "add_shape"}
UNSHOWN = {"key", "icon", "args", "kwargs", "on_click", "on_change", "on_select", "alt", "file_name", "mime", "data"}
UNSHOWN |= {"placeholder", "disabled", "colorscale", "range"}

Scope = tuple[str, ast.AST | None]  # module, and the outermost function


class Analysis:
    """Outside texts in some files, found by repetition until nothing new is found.

    Args:
        files: Module name to path.
        escapes: Functions whose results are safe.
    """

    def __init__(self, files: dict[str, Path], escapes: Set[str] = ESCAPES) -> None:
        self.files = files
        self.escapes = escapes
        self.nodes: list[tuple[Scope, ast.AST]] = []
        self.functions: dict[tuple[str, str], ast.FunctionDef] = {}
        self.imported: dict[tuple[str, str], tuple[str, str]] = {}
        self.outside_names: set[tuple[Scope, str]] = set()
        self.outside_keys: set[tuple[str, str]] = set()
        self.outside_returns: set[tuple[ast.AST, int]] = set()  # function and element of the tuple; -1 for the whole
        for module, path in files.items():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            self.nodes += _scoped(module, tree)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self.functions[module, node.name] = node
                elif isinstance(node, ast.ImportFrom):
                    self.imported |= {
                        (module, each.asname or each.name): (node.module, each.name) for each in node.names
                    }
        self.scopes = {node: scope for scope, node in self.nodes if isinstance(node, ast.FunctionDef)}
        before = -1
        while before != (before := self._known()):
            for scope, node in self.nodes:
                self._follow(scope, node)

    def findings(self) -> list[str]:
        """Return path, line and source of each outside text that is shown without an escape."""
        return [
            f"{self.files[scope[0]]}:{node.lineno}: {ast.unparse(shown)}"
            for scope, node in self.nodes
            if isinstance(node, ast.Call)
            for shown in _shown(node)
            if self.is_outside(scope, shown)
        ]

    def is_outside(self, scope: Scope, node: ast.AST) -> bool:
        """Whether an expression may hold an outside text that has passed no escape."""
        match node:
            case ast.Name():
                return (scope, node.id) in self.outside_names
            case ast.Attribute():
                return node.attr in OUTSIDE and _last_name(node.value) not in OWN.get(node.attr, ())
            case ast.Call():
                return self._is_outside_call(scope, node)
            case ast.Subscript() if _last_name(node.value) in STATE:
                return _last_name(node.value) == "query_params" or self._key(scope, node.slice) in self.outside_keys
            case ast.Subscript():
                return self.is_outside(scope, node.value)
            case ast.FormattedValue():
                is_number = node.format_spec is not None and ast.unparse(node.format_spec)[-2:-1] in ",defg%"
                return not is_number and self.is_outside(scope, node.value)
            case ast.IfExp():
                return self.is_outside(scope, node.body) or self.is_outside(scope, node.orelse)
            case ast.Compare():
                return False
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self.is_outside(scope, node.elt)
        return any(self.is_outside(scope, child) for child in ast.iter_child_nodes(node))

    def _is_outside_call(self, scope: Scope, node: ast.Call) -> bool:
        called = _last_name(node.func)
        given = [*node.args, *(each.value for each in node.keywords)]
        if called in ESCAPES:
            return called not in self.escapes and any(self.is_outside(scope, each) for each in given)
        if called in CALLS:
            return True
        if function := self._function(scope, node):
            return any(function is each for each, _ in self.outside_returns)
        if isinstance(node.func, ast.Attribute):
            if _last_name(node.func.value) in STATE:
                return self.is_outside(scope, ast.Subscript(node.func.value, given[0])) if given else False
            if self.is_outside(scope, node.func.value):
                return called not in ("index", "count", "startswith", "endswith", "empty", "container")
        return called in TEXT_OF and any(self.is_outside(scope, each) for each in given)

    def _function(self, scope: Scope, node: ast.Call) -> ast.FunctionDef | None:
        if isinstance(node.func, ast.Attribute) and _last_name(node.func.value) in ("st", "self"):
            return None
        name = scope[0], _last_name(node.func)
        return self.functions.get(name) or self.functions.get(self.imported.get(name, name))

    def _key(self, scope: Scope, node: ast.AST) -> tuple[str, str]:
        """Tell keys of the session state apart: a constant by the module that defines it, others by their source."""
        name = scope[0], ast.unparse(node)
        return self.imported.get(name, name) if isinstance(node, ast.Name) else ("", name[1])

    def _known(self) -> int:
        return len(self.outside_names) + len(self.outside_keys) + len(self.outside_returns)

    def _follow(self, scope: Scope, node: ast.AST) -> None:
        match node:
            case ast.ExceptHandler(name=str(name)):
                self.outside_names.add((scope, name))
            case ast.Assign():
                for target in node.targets:
                    self._assign(scope, target, node.value)
            case ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr() if node.value is not None:
                self._assign(scope, node.target, node.value)
            case ast.For() | ast.comprehension():
                self._iterate(scope, node.target, node.iter)
            case ast.Return() | ast.Yield() if node.value is not None and scope[1] is not None:
                is_tuple = isinstance(node.value, ast.Tuple)
                for index, part in enumerate(node.value.elts) if is_tuple else [(-1, node.value)]:
                    if self.is_outside(scope, part):
                        self.outside_returns.add((scope[1], index))
            case ast.Call():
                self._follow_call(scope, node)

    def _assign(self, scope: Scope, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                self._assign(scope, one, its)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Call) and (found := self._function(scope, value)):
            for index, one in enumerate(target.elts):
                if {(found, index), (found, -1)} & self.outside_returns:
                    self._mark(scope, one)
        elif self.is_outside(scope, value):
            self._mark(scope, target)

    def _iterate(self, scope: Scope, target: ast.expr, source: ast.expr) -> None:
        called = _last_name(source.func) if isinstance(source, ast.Call) else ""
        if called == "enumerate" and isinstance(target, ast.Tuple):
            self._iterate(scope, target.elts[1], source.args[0])
        elif called == "zip" and isinstance(target, ast.Tuple):
            for one, its in zip(target.elts, source.args, strict=True):
                self._iterate(scope, one, its)
        elif self.is_outside(scope, source):
            self._mark(scope, target)

    def _mark(self, scope: Scope, target: ast.AST) -> None:
        match target:
            case ast.Name():
                self.outside_names.add((scope, target.id))
            case ast.Subscript() if _last_name(target.value) in STATE:
                self.outside_keys.add(self._key(scope, target.slice))
            case ast.Subscript():
                self._mark(scope, target.value)
            case ast.Tuple() | ast.List():
                for each in target.elts:
                    self._mark(scope, each)

    def _follow_call(self, scope: Scope, node: ast.Call) -> None:
        called = _last_name(node.func)
        outside = [each for each in node.args if self.is_outside(scope, each)]
        if called in ("append", "extend") and isinstance(node.func, ast.Attribute) and outside:
            self._mark(scope, node.func.value)
        if called == "update" and _last_name(getattr(node.func, "value", node)) in STATE:
            for each in (each for each in node.args if isinstance(each, ast.Dict)):
                for key, value in zip(each.keys, each.values, strict=True):
                    if key is not None and self.is_outside(scope, value):
                        self.outside_keys.add(self._key(scope, key))
        if called == "setdefault" and len(node.args) == 2 and self.is_outside(scope, node.args[1]):
            self.outside_keys.add(self._key(scope, node.args[0]))
        if function := self._function(scope, node):
            inner = self.scopes[function]
            names = [each.arg for each in [*function.args.posonlyargs, *function.args.args]]
            given = [*zip(names, node.args, strict=False), *((each.arg, each.value) for each in node.keywords)]
            for name, value in given:
                if name and self.is_outside(scope, value):
                    self.outside_names.add((inner, name))


def _shown(node: ast.Call) -> Iterator[ast.expr]:
    if not isinstance(node.func, ast.Attribute):
        return
    function, keywords = node.func.attr, {each.arg: each.value for each in node.keywords}
    if function in MARKDOWN:
        yield from node.args[: 1 if function in ("download_button", "button", "page_link") else None]
    elif function in LABELLED:
        yield from node.args[:1]
        keywords = {name: value for name, value in keywords.items() if name in ("label", "help")}
    elif function in COLUMNS:  # headers and cells are drawn on a canvas
        keywords = {name: value for name, value in keywords.items() if name == "help"}
    elif function not in CHARTS:
        return
    yield from (value for name, value in keywords.items() if name not in UNSHOWN)


def _scoped(module: str, tree: ast.AST, function: ast.AST | None = None) -> Iterable[tuple[Scope, ast.AST]]:
    """Yield all nodes with their scope: the outermost function, whose variables those inside it share."""
    for child in ast.iter_child_nodes(tree):
        inner = child if isinstance(child, ast.FunctionDef) and function is None else function
        yield (module, inner), child
        yield from _scoped(module, child, inner)


def _last_name(node: ast.AST) -> str:
    """Return the name in front: of `a.b[0].c()` it is c, of `a.b[0]` it is b."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
