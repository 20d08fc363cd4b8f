"""What MkDocs does beside the pages of this folder.

It generates the API reference from `REFERENCE` and the entry points of pyproject.toml, brings the
change log and the contributor's guide in, and points links that leave this folder at the
repository.
"""

from __future__ import annotations

import ast
import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/hiervae/hiervae/blob/main"

# Every module with public names, in the order of the navigation. A package offers what its
# `__all__` lists, and what the entry points of its group name.
REFERENCE = (
    "hiervae",
    "hiervae.callbacks",
    "hiervae.datasets",
    "hiervae.distributions",
    "hiervae.errors",
    "hiervae.evaluation",
    "hiervae.inference",
    "hiervae.likelihoods",
    "hiervae.manifold",
    "hiervae.networks",
    "hiervae.optimizers",
    "hiervae.math",
    "hiervae.options",
    "hiervae.part",
    "hiervae.plotting",
    "hiervae.presets",
    "hiervae.priors",
    "hiervae.random",
    "hiervae.registry",
    "hiervae.schedulers",
    "hiervae.testing",
    "hiervae.types",
)
# Base classes and helpers for plugin authors that their packages do not export at the top.
EXTRAS = {
    "hiervae.inference": (
        "hiervae.inference.passes.Level",
        "hiervae.inference.passes.InferencePass",
        "hiervae.inference.passes.GenerativePass",
        "hiervae.inference.stacked.StackedScheme",
    ),
    "hiervae.priors": ("hiervae.priors.mixture.Mixture",),
    "hiervae.networks": (
        "hiervae.networks.base.build_block",
        "hiervae.networks.normal_head.NormalHead",
    ),
}
INCLUDED = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}


def source_file(module: str) -> Path:
    """Return the file of a module or package."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def public_names(module: str) -> list[str]:
    """Return what `__all__` lists, or the public definitions of a module without it."""
    tree = ast.parse(source_file(module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return list(ast.literal_eval(node.value))
    defined = (getattr(node, "name", None) or _assigned(node) for node in tree.body)
    return [name for name in defined if name and not name.startswith("_")]


def _assigned(node: ast.stmt) -> str | None:
    """Return the name that an annotated assignment gives a value to."""
    return getattr(node.target, "id", None) if isinstance(node, ast.AnnAssign) else None


def entry_points(module: str) -> list[str]:
    """Return the dotted paths that the entry points of a group name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    targets = project["entry-points"].get(module, {}).values()
    return [target.replace(":", ".") for target in targets if target.count(".") > 1]


def reference_page(module: str) -> str:
    """Return the Markdown of the reference of one module."""
    docstring = ast.get_docstring(ast.parse(source_file(module).read_text(encoding="utf-8")))
    names = [f"{module}.{name}" for name in public_names(module)]
    modules = [name for name in names if name in REFERENCE]
    exported = [name for name in names if name not in modules]
    classes = {path.rpartition(".")[2] for path in exported if path.rpartition(".")[2][0].isupper()}
    deeper = [*EXTRAS.get(module, ()), *entry_points(module)]
    deeper = [path for path in deeper if path.rpartition(".")[2] not in classes]
    lines = [f"# {module}", "", str(docstring), ""]
    lines += [f"- [`{name}`]({name}.md)" for name in modules] + [""]
    for path in exported:
        lines += [f"::: {path}", "    options:", "      heading_level: 2", ""]
    for path in deeper:
        lines += [f"::: {path}", "    options:", "      heading_level: 2"]
        label = ".".join(path.split(".")[-2:])
        lines += ["      show_root_full_path: true", f"      toc_label: {label}", ""]
    return "\n".join(lines)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference at the end of the navigation."""
    pages: list[Any] = [{name: f"reference/{name}.md"} for name in REFERENCE]
    config.nav.append({"API reference": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for module in REFERENCE:
        text = reference_page(module)
        files.append(File.generated(config, f"reference/{module}.md", content=text))
    for name, source in INCLUDED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to files outside this folder at the repository."""
    folder = posixpath.dirname(page.file.src_uri)

    def resolve(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, match.group(1)))
        outside = not target.startswith("docs/") and (ROOT / target).exists()
        return f"]({REPOSITORY}/{target})" if outside else match.group(0)

    return re.sub(r"\]\((\.\./[^)#\s]+)\)", resolve, markdown)
